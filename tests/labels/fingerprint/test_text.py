"""Texts are found again after edits and in quotations, and no other text is taken for them."""

from __future__ import annotations

import csv
import html
import random
import re
import time
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.labels.fingerprint import text

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"


SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
WORDS = ["".join(random.Random(seed).choices(SYLLABLES, k=1 + seed % 4)) for seed in range(2000)]


def english(rng: random.Random, characters: int) -> str:
    """Words of one to four syllables."""
    chosen = " ".join(rng.choice(WORDS) + ("." if rng.random() < 0.1 else "") for _ in range(1 + characters // 3))
    return chosen[:characters]


def chinese(rng: random.Random, characters: int) -> str:
    return "".join("，" if rng.random() < 0.1 else chr(rng.randint(0x4E00, 0x4E00 + 1500)) for _ in range(characters))


def parts(whole: str) -> list[str]:
    return re.findall(r"[a-z.]+ ?|[^a-z. ]{1,2}", whole)


def replaced(whole: str, make: Callable[[random.Random, int], str], rng: random.Random) -> str:
    return "".join(make(rng, len(part)) if rng.random() < 0.1 else part for part in parts(whole))


LANGUAGES = {"chinese": chinese, "english": english}


def found(asked: str, kept: str) -> bool:
    return text.similarity(text.question(asked), text.fingerprint(kept)) >= text.SIMILAR


@pytest.mark.parametrize("language", LANGUAGES)
def test_edited_cut_and_quoted_texts_are_found(language: str) -> None:
    make, rng = LANGUAGES[language], random.Random(1)
    results: dict[str, list[bool]] = {}
    for _ in range(25):
        whole, other = make(rng, 900), make(rng, 3000)
        asked = {
            "same": whole,
            "words": replaced(whole, make, rng),
            "cut": whole[:300] + whole[600:],
            "quoted": other[:1700] + whole[500:720] + other[1700:],
            "quotes": other,
        }
        for change, edited in asked.items():
            results.setdefault(change, []).append(found(edited, whole))
        results.setdefault("short", []).append(found(other[:800] + whole[:220], whole[:220]))
    counted = {change: sum(result) for change, result in results.items()}
    assert counted.pop("quotes") == 0
    assert counted.pop("same") == 25
    assert min(counted.values()) >= 24


def test_the_same_text_is_wholly_similar_and_width_case_spaces_and_punctuation_do_not_count() -> None:
    whole = english(random.Random(2), 1500)
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in whole.upper())
    dressed = wide.replace(" ", "\u3000\n").replace(".", "！")
    assert np.array_equal(text.fingerprint(whole), text.fingerprint(dressed))
    assert text.similarity(text.question(dressed), text.fingerprint(whole)) == 1.0


def test_a_text_below_200_characters_has_none_and_is_never_found() -> None:
    whole = chinese(random.Random(3), 200)
    assert len(text.fingerprint(whole)) >= text.FEWEST_HASHES
    assert len(text.fingerprint(whole[:-1])) == 0
    assert len(text.question(whole[:-1])) == 0
    assert not found(whole[:-1], whole)
    assert not found(whole, whole[:-1])


@pytest.mark.parametrize("piece", ["好", "ab", "哈哈，", "0", " ", "…"])
def test_mere_repetition_has_none(piece: str) -> None:
    assert len(text.fingerprint(piece * 500)) == 0


@given(st.text(st.characters(codec=None), max_size=30), st.integers(1, 40))
@settings(deadline=None)
def test_any_text_has_one_or_none(piece: str, times: int) -> None:
    kept, asked = text.fingerprint(piece * times), text.question(piece * times)
    assert kept.dtype == asked.dtype == np.uint32
    assert len(np.unique(kept)) == len(kept)
    assert 0.0 <= text.similarity(asked, kept) <= 1.0


def test_what_is_kept_and_asked_of_the_longest_text_is_bounded() -> None:
    whole = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x9FA0, 4_000_000)))
    began = time.monotonic()
    kept, asked = text.fingerprint(whole), text.question(whole)
    assert time.monotonic() - began < 2
    assert len(kept) <= 3200
    assert len(asked) <= 8000
    assert np.array_equal(kept, text.fingerprint(whole[: text.MAX_CHARACTERS]))


def paragraphs(sentences: list[str], characters: int) -> list[str]:
    """Successive sentences, each joined to at least so many characters."""
    joined, current = [], ""
    for sentence in sentences:
        current += sentence + "\n"
        if len(current) >= characters:
            joined.append(current)
            current = ""
    return joined


def translated(pair: str, language: str) -> list[str]:
    with zipfile.ZipFile(DATA / "translation" / f"tico19_all.{pair}.tmx.zip") as archive:
        memory = archive.read(archive.namelist()[0]).decode()
    found = re.findall(rf'<tuv [^>]*xml:lang="{language}[^>]*>\s*<seg>(.*?)</seg>', memory, re.DOTALL | re.IGNORECASE)
    return [html.unescape(sentence) for sentence in found]


def column(name: str, rows: int) -> list[str]:
    with (DATA / "policy" / name).open(encoding="utf-8", newline="") as file:
        return [max(row, key=len) for row in islice(csv.reader(file), 1, rows)]


def page_of(name: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", (DATA / "documents" / name).read_text("utf-8", "replace")))


def test_texts_of_different_collections_never_match_and_each_finds_itself() -> None:
    if not (DATA / "translation").exists():
        pytest.skip("the shared texts are not on this machine")
    collections = [
        paragraphs(translated("en-zh", "en"), 800)[:30],
        paragraphs(translated("en-zh", "zh"), 800)[:30],
        paragraphs(column("cold_dev.csv", 500), 500)[:30],
        paragraphs(column("jade_benchmark_easy_zh.csv", 600), 500)[:30],
        [page_of("kreuzberg_beijing_chinese.html"), page_of("tika_testWebVTT_utf8.vtt")],
    ]
    kept = [[text.fingerprint(one) for one in texts] for texts in collections]
    compared = 0
    for number, texts in enumerate(collections):
        for place, asked in enumerate(map(text.question, texts)):
            assert text.similarity(asked, kept[number][place]) >= 0.9
            strangers = [one for other, prints in enumerate(kept) if other != number for one in prints]
            assert not [one for one in strangers if text.similarity(asked, one) >= text.SIMILAR]
            compared += len(strangers)
    assert compared > 5_000
