"""A file of weights: what is damaged or of another form is refused. Its arithmetic: exact in any window."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.classifier.grams import grams
from hanlin.policy.classifier.linear import Header, Linear, decode, encode
from hanlin.policy.classifier.windows import Window

HEADER = Header("test", ("A.2.a", "A.2.d"), 8, 6, 0.02, -0.5, 0.01, (0.0, 0.1))
GENERATOR = np.random.default_rng(5)
VERDICT = GENERATOR.integers(-127, 128, 256, dtype=np.int8)
GROUNDS = GENERATOR.integers(-127, 128, (64, 2), dtype=np.int8)
FILE = encode(HEADER, VERDICT, GROUNDS)


def test_a_file_gives_back_the_classifier_and_its_version_is_its_digest() -> None:
    classifier = decode(FILE)
    assert (classifier.name, classifier.categories) == ("test", ("A.2.a", "A.2.d"))
    assert classifier.version == hashlib.sha256(FILE[:-32]).hexdigest()[:12]
    assert classifier.scores("一段文字") == Linear(HEADER, VERDICT, GROUNDS).scores("一段文字")


@pytest.mark.parametrize("position", [0, 17, 60, 300, -1])
def test_a_changed_byte_is_found(position: int) -> None:
    damaged = bytearray(FILE)
    damaged[position] ^= 1
    with pytest.raises(ValueError, match="SHA-256"):
        decode(bytes(damaged))


@pytest.mark.parametrize("length", [0, 10, 48, 200, len(FILE) - 1])
def test_a_file_cut_short_is_found(length: int) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        decode(FILE[:length])


def test_numbers_that_are_not_as_many_as_the_header_says_are_found() -> None:
    with pytest.raises(ValueError, match="as the header says"):
        decode(encode(HEADER, VERDICT[:-1], GROUNDS))


@pytest.mark.parametrize("header", [b"{}", b"[]", b"\xff", FILE[20:60]])
def test_a_header_of_another_form_is_found(header: bytes) -> None:
    body = FILE[:16] + len(header).to_bytes(4, "little") + header
    with pytest.raises(ValueError, match="header"):
        decode(body + hashlib.sha256(body).digest())


@given(st.text(min_size=1, max_size=40), st.data())
def test_a_window_sums_the_weights_of_its_characters_and_pairs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    total = int(VERDICT[grams(text[start:end], 8)].sum(dtype=int))
    count = 2 * (end - start) - 1
    logit = Linear(HEADER, VERDICT, GROUNDS).logits(text, [Window((0, 0), (start, end))])[0]
    assert logit == pytest.approx(HEADER.slope * total / count**0.5 + HEADER.intercept)


def test_the_grounds_share_the_probability_of_the_verdict() -> None:
    classifier = Linear(HEADER, VERDICT, GROUNDS)
    window = Window((0, 4), (0, 4))
    row = classifier.weigh("一段文字", [window])[0]
    assert row.sum() == pytest.approx(1 / (1 + np.exp(-classifier.logits("一段文字", [window])[0])), abs=2e-6)
    assert (row > 0).all()


@pytest.mark.parametrize("text", ["", "。！", "\u200b\n\n", "🙂"])
def test_a_text_without_letters_has_no_probability(text: str) -> None:
    assert Linear(HEADER, VERDICT, GROUNDS).scores(text) == {"A.2.a": 0.0, "A.2.d": 0.0}


def test_lone_surrogates_do_no_harm() -> None:
    assert sum(Linear(HEADER, VERDICT, GROUNDS).scores("好\ud800好").values()) > 0
