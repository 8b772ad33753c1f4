"""What people do to a term so that it is not found, each trick alone and several together."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hanlin.policy.file import WordList
from hanlin.policy.fold import _LOOK_ALIKES
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.split import PARTS

COLD = Path(__file__).parents[3] / "shared" / "data" / "policy" / "cold_dev.csv"
TERMS = (
    "炸弹制作教程",
    "自制枪支图纸",
    "毒品交易渠道",
    "假币批发联系",
    "代开发票电话",
    "身份信息出售",
    "银行卡四件套",
    "博彩网站推荐",
    "高利贷催收群",
    "走私香烟货源",
    "pipe bomb recipe",
    "stolen credit cards",
    "fake passport seller",
    "weapons for sale",
)
CHANCE = random.Random(7)

Trick = Callable[[str], str]


def between(*fillers: str) -> Trick:
    """Fillers after each character; none after a space, for two line ends would make a new paragraph."""
    return lambda term: "".join(c if c == " " else c + CHANCE.choice(fillers) for c in term[:-1]) + term[-1]


def each(change: Callable[[str], str]) -> Trick:
    return lambda term: "".join(change(c) for c in term)


LOOKS = {word[0]: word[1:] for word in _LOOK_ALIKES.split()}
TRADITIONAL = dict(zip("弹枪图纸毒币发联电话银码贷群烟货", "彈槍圖紙毒幣發聯電話銀碼貸群煙貨", strict=True))
TRICKS: dict[str, Trick] = {
    "as it is": lambda term: term,
    "capitals": str.upper,
    "full width": each(lambda c: chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c),
    "traditional": each(lambda c: TRADITIONAL.get(c, c)),
    "zero width": between("\u200b", "\u200d", "\ufeff", "\u2060"),
    "bidi and variation selectors": between("\u202e", "\u2066", "\ufe0f", "\U000e0101"),
    "combining marks": each(lambda c: c + CHANCE.choice("\u0301\u0336\u0353\u20dd")),
    "symbols": between("*", "-", ".", "|", "~", "。"),
    "spaces and line ends": between(" ", "\n", "\t", "\u3000", "\u00a0"),
    "emoji": between("😀", "🔥", "👍🏽"),
    "look-alikes": each(lambda c: CHANCE.choice(LOOKS.get(c, c))),
    "letter styles": each(lambda c: chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c),
    "enclosed letters": each(lambda c: chr(0x24D0 + ord(c) - 97) if "a" <= c <= "z" else c),
    "split characters": each(lambda c: PARTS.get(c, c)),
}
LEXICON = Lexicon([WordList("r", "A.1.h", "R.", TERMS, variants=("split",))])


def recall(trick: Trick) -> float:
    """The share found of each term, hidden 20 times in ordinary words."""
    found = [bool(LEXICON.judge(f"请问一下 {trick(term)} ，谢谢。")) for term in TERMS for _ in range(20)]
    return sum(found) / len(found)


@pytest.mark.parametrize("name", TRICKS)
def test_each_trick_alone_is_seen_through(name: str) -> None:
    assert recall(TRICKS[name]) >= 0.99


@pytest.mark.parametrize("outer", ["zero width", "symbols", "combining marks", "bidi and variation selectors"])
@pytest.mark.parametrize("inner", ["capitals", "full width", "traditional", "look-alikes", "enclosed letters"])
def test_two_tricks_together_are_seen_through(inner: str, outer: str) -> None:
    assert recall(lambda term: TRICKS[outer](TRICKS[inner](term))) >= 0.99


def test_homophones_and_pinyin_are_seen_through() -> None:
    pypinyin = pytest.importorskip("pypinyin.pinyin_dict", reason="the variant pinyin needs the package pypinyin")
    assert pypinyin.pinyin_dict
    lexicon = Lexicon([WordList("r", "A.1.h", "R.", TERMS, variants=("pinyin",))])
    for written in (
        "炸蛋制作教程",
        "zha dan zhi zuo jiao cheng",
        "乍但之作叫成",
        "zìzhì枪支图纸",
        "代开发piao电话",
        "高丽带催收群",
    ):
        assert lexicon.judge(f"请问一下，{written}。"), written


def test_on_ordinary_text_folding_finds_hardly_more_than_the_bare_words() -> None:
    """Pieces of ordinary sentences joined at random are what is found by chance; at most a tenth more of them."""
    if not COLD.exists():
        pytest.skip("the shared test data is not there")
    with COLD.open(encoding="utf-8-sig", newline="") as file:
        sentences = [row["TEXT"] for row in csv.DictReader(file)]
    pieces = [
        s[start : start + 2] for s in sentences for start in range(0, len(s) - 2, 9) if s[start : start + 2].isalpha()
    ]
    terms = {CHANCE.choice(pieces) + CHANCE.choice(pieces) for _ in range(5_000)} | set(CHANCE.sample(pieces, 50))
    terms = {term for term in terms if all("\u4e00" <= c <= "\u9fff" for c in term)}
    lexicon = Lexicon([WordList("m", "A.1.h", "M.", tuple(terms), action="mask", variants=("split", "pinyin"))])
    text = "\n\n".join(sentences)
    bare = sum(text.count(term) for term in terms)
    found = sum(len(hit.spans) for hit in lexicon.judge(text))
    assert bare > 100
    assert found <= 1.1 * bare
