"""POST /v1/embeddings: OpenAI's form and client, near where the meaning is, refused with a word."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import openai
import pytest
import pytest_asyncio

from hanlin.types import Model, Service, Skill
from tests.api.asgi_client import Answer
from tests.api.cast import REASON, Premises, premises
from tests.api.test_audio import client

NEAR = Model("near", "echo", Skill.EMBEDDING, declaration=REASON)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Premises]:
    folder = tmp_path_factory.mktemp("house")
    service = Service(name="vectors", models=("near",))
    async with premises(folder, more_models=(NEAR,), more_services=(service,)) as opened:
        yield opened


async def ask(here: Premises, given: Any, **fields: Any) -> Answer:
    body = {"model": "vectors", "input": given} | fields
    return await here.client.send("POST", "/v1/embeddings", key=here.keys["owner"], json=body)


@pytest.mark.asyncio(loop_scope="module")
async def test_texts_come_back_as_vectors_in_order(here: Premises) -> None:
    answer = await ask(here, ["the red car", "a red car", "完全不同"], user="u1", dimensions=256)
    body = answer.json
    assert (answer.status, body["object"], body["model"]) == (200, "list", "vectors")
    assert [(one["object"], one["index"]) for one in body["data"]] == [("embedding", at) for at in range(3)]
    rows = np.array([one["embedding"] for one in body["data"]])
    assert rows.shape == (3, 256)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0
    assert body["receipt"] == answer.headers["x-hanlin-receipt"]
    assert body["AIGC"]["Label"] == "1"
    assert (await here.outcomes())[0].service == "vectors"


@pytest.mark.asyncio(loop_scope="module")
async def test_base64_holds_the_same_numbers(here: Premises) -> None:
    floats = (await ask(here, "hello")).json["data"][0]["embedding"]
    packed = (await ask(here, "hello", encoding_format="base64")).json["data"][0]["embedding"]
    assert np.frombuffer(b64decode(packed), "<f4").tolist() == floats


@pytest.mark.asyncio(loop_scope="module")
async def test_openais_client_drives_it(here: Premises) -> None:
    async with client(here) as api:
        found = await api.embeddings.create(model="vectors", input=["one", "two"])
        with pytest.raises(openai.BadRequestError, match="256 dimensions, 512"):
            await api.embeddings.create(model="vectors", input="one", dimensions=512)
    assert [len(one.embedding) for one in found.data] == [256, 256]


@pytest.mark.parametrize(
    ("given", "fields", "param"),
    [
        ([[1, 2, 3]], {}, "input"),
        ([1, 2, 3], {}, "input"),
        ([], {}, "input"),
        ("", {}, "input"),
        (["a"] * 2049, {}, "input"),
        ({"text": "a"}, {}, "input"),
        ("a", {"encoding_format": "int8"}, "encoding_format"),
        ("a", {"dimensions": 0}, "dimensions"),
        ("a", {"colour": 1}, "colour"),
        ("a", {"model": "plain"}, "model"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_embedded_is_named(given: Any, fields: Any, param: str, here: Premises) -> None:
    answer = await ask(here, given, **fields)
    assert answer.status == 400
    assert answer.error["param"] == param


@pytest.mark.asyncio(loop_scope="module")
async def test_texts_are_judged_like_questions_and_who_may_not_is_refused(here: Premises) -> None:
    refused = await ask(here, ["fine", "pipe bomb instructions"])
    asked = {"model": "vectors", "input": "a"}
    auditor = await here.client.send("POST", "/v1/embeddings", key=here.keys["auditor"], json=asked)
    assert (refused.status, refused.error["code"], auditor.status) == (400, "content_filter", 403)
