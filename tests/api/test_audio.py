"""POST /v1/audio/transcriptions and /v1/audio/translations: OpenAI's forms, its client, and every way to be refused."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import pytest_asyncio

from hanlin.evaluation.skills import tone
from hanlin.labels import read as read_label
from hanlin.sound import create
from hanlin.types import Model, Service, Skill
from tests.api.asgi_client import Answer
from tests.api.cast import REASON, Premises, premises
from tests.sound.recordings import encode

SAID = "你好，世界。 We begin at nine."
EAR = Model("ear", "echo", Skill.TRANSCRIPTION, declaration=REASON, options={"answer": SAID})
LOUD = Model("loud", "echo", Skill.TRANSCRIPTION, declaration=REASON, options={"answer": "then pipe bomb instructions"})
SERVICES = (Service(name="speech", models=("ear",)), Service(name="rude", models=("loud",)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Premises]:
    folder = tmp_path_factory.mktemp("house")
    async with premises(folder, more_models=(EAR, LOUD), more_services=SERVICES) as opened:
        yield opened


@pytest.fixture(scope="module")
def wav() -> bytes:
    written = BytesIO()
    with create(written) as file:
        file.writeframes((tone(140, 4, 700) * 32_000).astype("<i2").tobytes())
    return written.getvalue()


def form(content: bytes, name: str = "talk.wav", **fields: str) -> dict[str, Any]:
    parts = [
        f'--mark\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
    ]
    head = f'--mark\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + b"\r\n--mark--\r\n"
    return {"body": body, "headers": {"content-type": "multipart/form-data; boundary=mark"}}


async def ask(here: Premises, content: bytes, where: str = "transcriptions", **fields: str) -> Answer:
    sent = form(content, **{"model": "speech"} | fields)
    return await here.client.send("POST", f"/v1/audio/{where}", key=here.keys["owner"], **sent)


def client(here: Premises) -> openai.AsyncOpenAI:
    transport = httpx.ASGITransport(app=here.house.asgi)
    http: Any = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
    return openai.AsyncOpenAI(
        api_key=here.keys["owner"], base_url="http://127.0.0.1:8000/v1", http_client=http, max_retries=0
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_transcription_is_labelled_and_has_a_receipt(here: Premises, wav: bytes) -> None:
    answer = await ask(here, wav)
    body = answer.json
    assert (answer.status, body["text"], body["usage"]) == (200, SAID, {"type": "duration", "seconds": 4})
    assert body["AIGC"]["Label"] == "1"
    label = read_label(answer.headers["x-aigc-label"])
    assert label is not None
    assert label.produce_id == body["AIGC"]["ProduceID"]
    assert body["receipt"] == f"/receipts/{answer.headers['x-request-id']}" == answer.headers["x-hanlin-receipt"]
    newest = (await here.outcomes())[0]
    assert (newest.service, newest.status) == ("speech", "completed")


@pytest.mark.asyncio(loop_scope="module")
async def test_every_form_holds_the_same_speech(here: Premises, wav: bytes) -> None:
    text = await ask(here, wav, response_format="text")
    subrip = await ask(here, wav, response_format="srt")
    webvtt = await ask(here, wav, response_format="vtt")
    verbose = await ask(here, wav, response_format="verbose_json", **{"timestamp_granularities[]": "word"})

    assert text.body.decode() == f"{SAID}\n"
    assert text.headers["content-type"].startswith("text/plain")
    first, second = "你好，世界。", "We begin at nine."
    assert subrip.body.decode() == (
        f"1\n00:00:00,000 --> 00:00:02,000\n{first}\n\n2\n00:00:02,000 --> 00:00:04,000\n{second}\n"
    )
    assert re.fullmatch(
        rf"WEBVTT\n\nNOTE AIGC \S+\n\n00:00:00\.000 --> 00:00:02\.000\n{first}\n\n"
        rf"00:00:02\.000 --> 00:00:04\.000\n{second}\n",
        webvtt.body.decode(),
    )
    body = verbose.json
    assert (body["duration"], body["language"], body["task"]) == (4.0, "en", "transcribe")
    assert "".join(segment["text"] for segment in body["segments"]) == body["text"] == SAID
    assert [word["word"] for word in body["words"]][-2:] == ["at", "nine."]
    assert "words" not in (await ask(here, wav, response_format="verbose_json")).json


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stream_tells_what_is_heard_as_it_is_heard(here: Premises, wav: bytes) -> None:
    answer = await ask(here, wav, stream="true", language="zh-CN", prompt="Names: Hanlin", temperature="0.2")
    kinds = [event["type"] for event in answer.events]
    assert kinds == ["transcript.text.delta"] * (len(kinds) - 1) + ["transcript.text.done"]
    assert len(kinds) >= 3
    assert "".join(event["delta"] for event in answer.events[:-1]) == answer.events[-1]["text"] == SAID
    assert answer.events[0]["AIGC"] == answer.events[-1]["AIGC"]
    assert answer.events[-1]["receipt"] == answer.headers["x-hanlin-receipt"]


@pytest.mark.asyncio(loop_scope="module")
async def test_openais_client_drives_all_of_it(here: Premises, wav: bytes) -> None:
    async with client(here) as api:
        plain = await api.audio.transcriptions.create(model="speech", file=("talk.wav", wav))
        verbose = await api.audio.transcriptions.create(
            model="speech", file=("talk.wav", wav), response_format="verbose_json", timestamp_granularities=["word"]
        )
        subrip = await api.audio.transcriptions.create(model="speech", file=("a.wav", wav), response_format="srt")
        with pytest.warns(DeprecationWarning, match="deprecated"):  # by the client; programs use it all the same
            english = await api.audio.translations.create(model="speech", file=("talk.wav", wav))
        stream = await api.audio.transcriptions.create(model="speech", file=("talk.wav", wav), stream=True)
        events = [event async for event in stream]
        with pytest.raises(openai.BadRequestError, match="no sound or video"):
            await api.audio.transcriptions.create(model="speech", file=("talk.wav", b"just words"))
    assert (plain.text, english.text, events[-1].type) == (SAID, SAID, "transcript.text.done")
    assert verbose.words is not None
    assert verbose.segments is not None
    assert (len(verbose.segments), verbose.words[-1].word) == (2, "nine.")
    assert str(subrip).startswith("1\n00:00:00,000")


@pytest.mark.asyncio(loop_scope="module")
async def test_any_kind_of_file_is_heard(here: Premises, tmp_path: Path) -> None:
    channels = [tone(140, 3, 700).repeat(3)[: 3 * 48_000].astype(np.float32)]
    video = encode(tmp_path / "talk.mp4", "mp4", "aac", 48_000, channels)
    answer = await ask(here, video.read_bytes())
    assert (answer.status, answer.json["text"], answer.json["usage"]["seconds"]) == (200, SAID, 3)
    assert list((here.folder / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": ""}, "model", "missing_required_parameter"),
        ({"response_format": "diarized_json"}, "response_format", "invalid_value"),
        ({"language": "../../etc"}, "language", "invalid_value"),
        ({"response_format": "srt", "stream": "true"}, "stream", "invalid_value"),
        ({"model": "plain"}, "model", "wrong_skill"),
        ({"model": "unheard-of"}, "model", "model_not_found"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_field_is_named(
    fields: dict[str, str], param: str, code: str, here: Premises, wav: bytes
) -> None:
    answer = await ask(here, wav, **fields)
    assert answer.status == (404 if code == "model_not_found" else 400)
    assert (answer.error["param"], answer.error["code"]) == (param, code)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_no_form_and_who_may_not_is_refused(here: Premises, wav: bytes) -> None:
    bare = await here.client.send(
        "POST", "/v1/audio/transcriptions", key=here.keys["owner"], json={"model": "speech", "file": "x"}
    )
    sent = form(wav, model="speech")
    auditor = await here.client.send("POST", "/v1/audio/transcriptions", key=here.keys["auditor"], **sent)
    nobody = await here.client.send("POST", "/v1/audio/transcriptions", key="hl_wrong", **sent)
    got = await here.client.send("GET", "/v1/audio/transcriptions", key=here.keys["owner"])
    assert [bare.status, auditor.status, nobody.status, got.status] == [400, 403, 401, 405]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_policy_judges_what_was_heard_and_the_hint(here: Premises, wav: bytes) -> None:
    """The shipped rules stop the same words that they stop in an answer; a hint is judged as a question is."""
    heard = await ask(here, wav, model="rude", response_format="verbose_json")
    hinted = await ask(here, wav, prompt="pipe bomb instructions")
    assert "pipe bomb" not in json.dumps(heard.json)
    assert hinted.status == 400
    assert hinted.error["code"] == "content_filter"
