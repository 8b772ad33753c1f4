"""Placeholders for one request: the model sees `[手机号1]`, the person gets the original back."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hanlin.policy.file import PersonalKind
from hanlin.policy.judging import Hit
from hanlin.policy.personal.cover import normalised

_CHINESE: dict[PersonalKind, str] = {
    "id_card": "身份证号",
    "old_id_card": "身份证号",
    "residence_permit": "居留证号",
    "credit_code": "信用代码",
    "bank_card": "银行卡号",
    "mobile": "手机号",
    "landline": "电话号",
    "passport": "护照号",
    "travel_permit": "通行证号",
    "plate": "车牌号",
    "email": "邮箱",
    "ip_address": "IP地址",
    "name": "姓名",
    "address": "地址",
    "secret": "密钥",
    "account": "账号",
}
_OPEN, _CLOSE = r"\[［【", "]］】"
_PLACEHOLDER = re.compile(
    rf"[{_OPEN}][ \u3000]?([A-Za-z_]{{4,16}}|[\u4e00-\u9fffIP]{{2,4}}) ?([0-9]{{1,6}})[ \u3000]?[{_CLOSE}]"
)
_GROWS = re.compile(rf"[{_OPEN}][ \u3000]?([A-Za-z_]{{0,16}}|[\u4e00-\u9fffIP]{{0,4}}) ?([0-9]{{0,6}})[ \u3000]?\Z")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


class Pseudonyms:
    """The same value of a kind gets the same placeholder, numbered by first appearance. Built anew for every request,
    whose messages bring the whole conversation, so that nothing need be stored.
    """

    def __init__(self, taken: str = "") -> None:
        """`taken`: all text of the request; no placeholder that it holds is given out, and its language is theirs."""
        self._taken = {match.groups() for match in _PLACEHOLDER.finditer(taken)}
        self._chinese = bool(_HAN.search(taken)) if taken else True
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self.originals: dict[str, str] = {}
        """Placeholder -> the value as it was first written."""

    def cover(self, kind: PersonalKind, value: str) -> str:
        word = _CHINESE[kind] if self._chinese else kind
        key = word, normalised(value)
        if key not in self._known:
            placeholder = self._next(word)
            self._known[key] = placeholder
            self.originals[placeholder] = value
        return self._known[key]

    def _next(self, word: str) -> str:
        number = self._counts.get(word, 0) + 1
        while (word, str(number)) in self._taken:
            number += 1
        self._counts[word] = number
        return f"[{word}{number}]" if self._chinese else f"[{word} {number}]"


class Restorer:
    """A `Watcher` that puts originals back, also where a model wrote other brackets or a space inside.

    Held is only what may still be a placeholder; unknown ones stay as they are.
    """

    __slots__ = ("_originals", "_words", "held", "hits")

    def __init__(self, originals: Mapping[str, str]) -> None:
        self.held = ""
        self.hits: list[Hit] = []
        self._originals = {
            match.groups(): value for name, value in originals.items() if (match := _PLACEHOLDER.match(name))
        }
        self._words = {word for word, _ in self._originals}

    def push(self, text: str, *, last: bool = False) -> str:
        """What may leave, with originals in place of placeholders."""
        seen = self.held + text if self.held else text
        grows = None if last else _GROWS.search(seen)
        free = grows.start() if grows and self._may_become(*grows.groups()) else len(seen)
        self.held = seen[free:]
        released = seen if free == len(seen) else seen[:free]
        if not self._originals or not any(bracket in released for bracket in _CLOSE):
            return released
        return _PLACEHOLDER.sub(lambda match: self._originals.get(match.groups(), match[0]), released)

    def _may_become(self, word: str, number: str) -> bool:
        return word in self._words if number else any(known.startswith(word) for known in self._words)
