"""What code tells of a translation: every flag where it belongs, none on a good one."""

from __future__ import annotations

import zipfile
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from hanlin.assistants.translate import numbers
from hanlin.assistants.translate.checking import flags
from hanlin.assistants.translate.records import Flag, Term
from hanlin.assistants.translate.terminology import Matcher
from tests.assistants.translate.conftest import SHARED

SENTENCE = "The committee met in the old town hall on Friday evening."


@pytest.mark.parametrize(
    ("source", "target", "language", "expected"),
    [
        (SENTENCE, "委员会星期五晚上在旧市政厅开会。", "zh", []),
        (SENTENCE, "", "zh", [Flag.EMPTY]),
        (SENTENCE, SENTENCE, "zh", [Flag.UNTRANSLATED]),
        (SENTENCE, SENTENCE.replace("town", "city"), "id", [Flag.UNTRANSLATED]),
        (SENTENCE, "Le comité s'est réuni vendredi soir dans l'ancien hôtel de ville.", "zh", [Flag.WRONG_LANGUAGE]),
        (SENTENCE, "Le comité s'est réuni vendredi soir dans l'ancien hôtel de ville.", "id", [Flag.WRONG_LANGUAGE]),
        (SENTENCE, "委员会开会了，" * 6, "zh", [Flag.REPEATED]),
        (SENTENCE, "会。", "zh", [Flag.LENGTH_ODD]),
        ("Pay 40 dollars by June.", "请在六月前付款。", "zh", [Flag.MISSING_NUMBER]),
        ("Write to a.b@c.org today.", "今天请写信。", "zh", [Flag.PLACEHOLDER_LOST]),
        ("You have {count} new %s.", "您有 {count} 个新消息。", "zh", [Flag.PLACEHOLDER_LOST]),
        ("See <g1>page</g1> two.", "见第二页。", "zh", [Flag.PLACEHOLDER_LOST]),
        ("Microsoft Word", "Microsoft Word", "zh", []),
        ("ISO 9001", "ISO 9001", "vi", []),
    ],
)
def test_each_fault_has_its_flag(source: str, target: str, language: str, expected: list[Flag]) -> None:
    assert flags(source, target, language) == expected


def test_a_term_that_is_not_in_its_form_is_flagged() -> None:
    found = Matcher([Term("town hall", "市政厅 | 市府大楼")]).find(SENTENCE)
    assert flags(SENTENCE, "委员会星期五晚上在旧市府大楼开会。", "zh", found) == []
    assert flags(SENTENCE, "委员会星期五晚上在旧镇公所开会。", "zh", found) == [Flag.GLOSSARY_BROKEN]


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        ("290 million pupils", "2.9亿名学生", []),
        ("290 million pupils", "2900万名学生", ["290 million"]),
        ("58,000 kits, 30%", "58.000 kit, 30 persen", []),
        ("March 26, 2020", "2020年3月26日", []),
        ("2020年3月26日", "26 Maret 2020", []),
        ("two men", "2 orang", []),
        ("2 men", "dua orang", []),
        ("100万", "satu juta", []),
        ("3.5 mg", "3,5 mg", []),
        ("5 km away", "5 mil jauhnya", ["5 km"]),
        ("the 1990s", "90年代", []),
        ("room A", "房间 500", ["500"]),
        ("๑๒ คน", "12 people", []),
    ],
)
def test_numbers_are_compared_by_what_they_mean(source: str, target: str, lost: list[str]) -> None:
    assert numbers.missing(source, target) == lost


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["en-zh", "en-id", "en-ms"])
def test_people_s_translations_are_hardly_ever_flagged(direction: str) -> None:
    """Of 600 pairs of TICO-19 at most 2 in 100."""
    file = SHARED / "translation" / f"tico19_all.{direction}.tmx.zip"
    if not file.exists():
        pytest.skip("shared/data/translation absent")
    with zipfile.ZipFile(file) as archive:
        texts = ["".join(one.itertext()) for one in ET.fromstring(archive.read(archive.namelist()[0])).iter("seg")]
    pairs = [pair for number, pair in enumerate(pairwise(texts)) if number % 10 == 0][:600]
    wrong = sum(bool(flags(source, target, direction[3:])) for source, target in pairs)
    assert wrong <= 12
