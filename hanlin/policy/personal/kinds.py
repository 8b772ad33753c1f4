"""What every finder shares: the finding, the context before it, width, and the words for a kind.

How sure a finding is (`Finding.score`; a context word within the 24 characters before it adds 0.2, at most 0.99):

| found                                                            | score       |
|------------------------------------------------------------------|-------------|
| ID card, residence permit: region, date and check digit right    | 0.98        |
| the same with a wrong check digit; 15-digit old ID card          | 0.5; 0.4    |
| credit code with check digit: with letters; digits only          | 0.95; 0.45  |
| bank card: Luhn, and UnionPay's 62 or printed in fours; any other| 0.8; 0.5    |
| mobile: with +86; as usually written; 86 before it; any grouping | 0.9, 0.8, 0.7, 0.5 |
| landline: area code set apart; in one; none; 400 and 800         | 0.7, 0.5, 0.4, 0.3 |
| passport; travel permit                                          | 0.45; 0.4   |
| number plate; e-mail                                             | 0.8; 0.9    |
| IP address: public; other                                        | 0.7; 0.3    |
| secret: of a known make; in a URL; after a word such as password | 0.95, 0.9, 0.7 |
| account after its word                                           | 0.7         |
| name: on a form; after "my name is"; before a title              | 0.85, 0.75, 0.65 |
| address down to a house number: after its word; else             | 0.85; 0.75  |
"""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from hanlin.policy.file import PersonalKind

CONTEXT_CHARACTERS = 24
"""How far back a finding looks for words. Words that follow it are not asked: in a stream they come too late."""
HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_RAISE = 0.2
_MOST = 0.99


class Finding(Struct, frozen=True):
    """A piece of personal data; `start` and `end` in characters of the text."""

    kind: PersonalKind
    start: int
    end: int
    score: float
    validator: str = ""
    """What was checked beyond the shape: `gb11643`, `gb32100`, `luhn`, `context`…; empty for the shape alone."""


_WORDS: dict[PersonalKind, str] = {
    "id_card": "身份证|证件号|id card|id number|identity|身份號",
    "old_id_card": "身份证|证件号|id card|identity",
    "residence_permit": "居留|永居|证件号|residence",
    "credit_code": "信用代码|营业执照|税号|纳税人|credit code|uscc",
    "bank_card": "银行卡|卡号|账号|帐号|账户|借记卡|信用卡|储蓄卡|card|account|iban",
    "mobile": "手机|电话|联系方式|致电|拨打|微信|来电|短信|phone|mobile|tel|call|whatsapp",
    "landline": "电话|座机|传真|致电|拨打|热线|phone|tel|fax|call",
    "passport": "护照|passport",
    "travel_permit": "通行证|回乡证|台胞证|travel permit|permit",
    "plate": "车牌|牌照|车号|plate",
    "email": "邮箱|邮件|e-?mail",
    "ip_address": r"(?<![a-z])ip|地址|address|host|主机|服务器",
}
_CONTEXT = {kind: re.compile(words) for kind, words in _WORDS.items()}


def found(text: str, kind: PersonalKind, span: tuple[int, int], score: float, validator: str = "") -> Finding:
    """The finding, raised where a word for its kind stands before it."""
    if has_context(text, kind, span[0]):
        score, validator = min(_MOST, score + _RAISE), validator or "context"
    return Finding(kind, *span, round(score, 2), validator)


def has_context(text: str, kind: PersonalKind, start: int) -> bool:
    words = _CONTEXT.get(kind)
    return words is not None and words.search(text[max(0, start - CONTEXT_CHARACTERS) : start].lower()) is not None


def _narrow() -> dict[int, str]:
    """Digits and Latin letters in other dress (full-width, circled, mathematical), and signs of e-mail and phones."""
    codes = [*range(0x2460, 0x2469), 0x24EA, *range(0x1D7CE, 0x1D800), *range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B)]
    codes += [*range(0xFF41, 0xFF5B), *map(ord, "＠．－＋＿")]
    return {code: unicodedata.normalize("NFKC", chr(code)) for code in codes}


_NARROW = _narrow()
_WIDE = re.compile("[①-⑨⓪０-９Ａ-Ｚａ-ｚ＠．－＋＿\U0001d7ce-\U0001d7ff]")


def level(text: str) -> str:
    """The text with such characters as plain ASCII, one for one, so that spans stay."""
    return text if text.isascii() or not _WIDE.search(text) else text.translate(_NARROW)
