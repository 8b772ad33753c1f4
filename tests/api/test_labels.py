"""Files are sealed, checked and carried on over HTTP; what was sealed here is known again however little is left."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import unquote

import pytest
from openai.types import ContentProvenanceCheck
from PIL import Image

from hanlin.labels import read_labels
from hanlin.labels.evidence.samples import SAMPLES
from hanlin.types import Label
from tests.api.asgi_client import Answer
from tests.api.cast import Premises, premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = (
    "The academy kept a seal for every kind of paper that left its halls, and a clerk who did nothing all day but look "
    "at the red marks that came back. When a letter was doubted, he laid it beside the ledger of its year, found the "
    "line, and said whether the ink had dried in this house. He was seldom thanked for it, and never wrong."
)


def form(content: bytes, name: str = "file.bin", **fields: str) -> tuple[bytes, str]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return b"".join(parts) + head + content + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


async def send(here: Premises, path: str, content: bytes, name: str, who: str = "owner", **fields: str) -> Answer:
    body, kind = form(content, name, **fields)
    return await here.client.send("POST", path, body=body, key=here.keys[who], headers={"content-type": kind})


def pixels_only(picture: bytes, quality: int = 80) -> bytes:
    """The picture as a platform would save it again, all metadata gone."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["picture.png", "sound.wav", "document.docx", "text.md"])
async def test_a_file_comes_back_sealed_and_is_known_as_made_here(here: Premises, name: str) -> None:
    sealed = await send(here, "/api/labels", SAMPLES[name](), name, model="plain", language="zh")
    assert sealed.status == 200, sealed.body
    (found,) = read_labels(sealed.body, name)
    assert not found.faults
    assert unquote(sealed.headers["x-aigc-label"]).count(found.label.produce_id) == 2
    (leaf,) = [
        leaf for leaf in await here.leaves() if getattr(leaf, "facts", {}).get("number") == found.label.produce_id
    ]
    assert (leaf.event, leaf.facts["model"]) == ("label:written", "plain-model")
    checked = (await send(here, "/api/labels/checks", sealed.body, name, "stranger")).json
    assert checked["finding"] == "confirmed"
    assert checked["labels"][0]["operator"] is True
    assert checked["labels"][0]["security"]["integrity"] == "holds"
    assert checked["origin"]["number"] == found.label.produce_id
    assert (checked["origin"]["found_by"], checked["origin"]["recorded"]) == ("label", True)


async def test_a_picture_is_known_by_its_watermark_when_its_metadata_is_gone(here: Premises) -> None:
    sealed = await send(here, "/api/labels", SAMPLES["picture.png"](), "a.png", model="plain")
    checked = (await send(here, "/api/labels/checks", pixels_only(sealed.body), "b.jpg")).json
    assert checked["labels"] == []
    assert checked["finding"] == "suspected"
    assert checked["origin"]["found_by"] == "watermark"
    assert checked["origin"]["number"] == read_labels(sealed.body)[0].label.produce_id
    told = (await send(here, "/api/labels/checks", pixels_only(sealed.body), "b.jpg", "stranger")).json
    assert told["origin"]["found_by"] == "watermark"
    assert told["origin"]["made_at"] > 0
    assert (told["origin"]["number"], told["origin"]["receipt"]) == ("", "")


async def test_a_picture_is_known_by_its_fingerprint_when_nothing_else_is_left(here: Premises) -> None:
    fields = {"model": "plain", "watermark": "false"}
    sealed = await send(here, "/api/labels", SAMPLES["picture.webp"](), "a.webp", **fields)
    thumbnail = Image.open(io.BytesIO(sealed.body)).convert("RGB").resize((200, 150))
    buffer = io.BytesIO()
    thumbnail.save(buffer, "JPEG", quality=60)
    checked = (await send(here, "/api/labels/checks", buffer.getvalue(), "c.jpg")).json
    assert checked["origin"]["similarity"] > 0.8
    assert checked["origin"]["found_by"] in ("fingerprint", "watermark")


async def test_an_answer_is_found_again_by_its_text_alone_and_by_nobody_s_other_text(here: Premises) -> None:
    answered = await here.client.ask(here.keys["owner"], "echo", TEXT)
    said = answered.json["choices"][0]["message"]["content"]
    assert TEXT[:60] in said
    for _ in range(100):
        checked = await here.client.send(
            "POST", "/api/labels/checks", json={"text": f"Somebody wrote: {said[20:]}"}, key=here.keys["owner"]
        )
        if checked.json["origin"]:
            break
    origin = checked.json["origin"]
    assert origin["found_by"] == "fingerprint"
    assert origin["receipt"] == answered.json["receipt"]
    other = await here.client.send("POST", "/api/labels/checks", json={"text": TEXT[::-1]}, key=here.keys["stranger"])
    assert other.json["origin"] is None


@pytest.mark.parametrize(("declared", "finding", "value"), [("true", "possible", "2"), ("false", "none", None)])
async def test_a_platform_passes_an_unlabelled_file_on(
    here: Premises, declared: str, finding: str, value: str | None
) -> None:
    buffer = io.BytesIO()
    Image.effect_mandelbrot((640, 480), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(buffer, "JPEG")
    plain = buffer.getvalue()
    passed = await send(here, "/api/labels/propagations", plain, "a.jpg", declared=declared, language="zh")
    assert passed.headers["x-hanlin-finding"] == finding
    labels = [found.label for found in read_labels(passed.body)]
    if value is None:
        assert (labels, passed.body) == ([], plain)
    else:
        assert "可能" in unquote(passed.headers["x-hanlin-prompt"])
        assert [(label.label, label.content_producer) for label in labels] == [(value, "")]
        assert labels[0].content_propagator == "Hanlin"
        again = (await send(here, "/api/labels/checks", passed.body, "a.jpg")).json
        assert (again["finding"], again["iptc_source"]) == (finding, "")  # passing on makes nobody surer


async def test_a_platform_keeps_what_the_producer_wrote(here: Premises) -> None:
    sealed = await send(here, "/api/labels", SAMPLES["picture.png"](), "a.png", model="plain")
    passed = await send(here, "/api/labels/propagations", sealed.body, "a.png")
    (before,), (after,) = read_labels(sealed.body), read_labels(passed.body)
    assert passed.headers["x-hanlin-finding"] == "confirmed"
    assert (after.label.produce_id, after.label.reserved_code1) == (
        before.label.produce_id,
        before.label.reserved_code1,
    )
    assert after.label.propagate_id != before.label.propagate_id
    checked = (await send(here, "/api/labels/checks", passed.body, "a.png")).json
    assert checked["credential"]["state"] in ("trusted", "valid")


async def test_openai_s_client_reads_the_answer(here: Premises) -> None:
    sealed = await send(here, "/api/labels", SAMPLES["picture.png"](), "a.png", model="plain")
    answer = await send(here, "/v1/content_provenance_checks", sealed.body, "a.png")
    check = ContentProvenanceCheck.model_validate(answer.json)
    (result,) = check.results
    assert result.type == "c2pa"
    assert (result.outcome, result.validation_state, result.issuer) == ("detected", "trusted", "Hanlin")
    assert answer.json["finding"] == "confirmed"
    plain = await send(here, "/v1/content_provenance_checks", SAMPLES["picture.png"](), "a.png")
    assert plain.json["results"][0]["validation_state"] == "not_present"


async def test_without_agreement_nothing_leaves_without_its_visible_label(here: Premises) -> None:
    refused = await send(here, "/api/labels", SAMPLES["picture.png"](), "a.png", model="plain", explicit="false")
    assert (refused.status, refused.error["code"]) == (403, "no_agreement")


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"\0\1binary", "a.bin", "unknown_format"),
        (SAMPLES["picture.png"]()[:60], "a.png", "bad_file"),
        (b"", "a", "bad_file"),
    ],
)
async def test_what_cannot_be_marked_is_refused_with_a_sentence(
    here: Premises, content: bytes, name: str, code: str
) -> None:
    refused = await send(here, "/api/labels", content, name, model="plain")
    assert (refused.status, refused.error["code"]) == (400, code)
    assert not list((here.folder / "uploads").iterdir())


async def test_a_key_that_may_not_generate_labels_nothing_and_may_check(here: Premises) -> None:
    assert (await send(here, "/api/labels", SAMPLES["text.md"](), "a.md", "auditor")).status == 403
    assert (await send(here, "/api/labels/checks", SAMPLES["text.md"](), "a.md", "auditor")).json["finding"] == "none"


async def test_a_forged_number_is_not_called_ours(here: Premises) -> None:
    from hanlin.labels import Imprint, write_label

    forged = Label("1", "Hanlin", "0123456789abcdef", "", "Hanlin", "0123456789abcdef", "")
    checked = (await send(here, "/api/labels/checks", write_label(b"# x", Imprint(forged), "a.md"), "a.md")).json
    assert checked["labels"][0]["operator"] is True
    assert checked["origin"] is None


async def test_under_a_recorded_agreement_a_file_leaves_without_its_visible_label_and_its_recipient_is_kept(
    tmp_path: Path,
) -> None:
    async with premises(tmp_path, unlabelled_on_request=True) as here:
        asked = {"model": "plain", "explicit": "false", "recipient": "Example Press"}
        assert (await send(here, "/api/labels", SAMPLES["text.md"](), "a.md", **asked)).status == 403
        await here.client.send("PUT", "/api/labels/agreement?version=2026-11", key=here.keys["owner"])
        given = await send(here, "/api/labels", SAMPLES["text.md"](), "a.md", **asked)
        assert given.status == 200
        assert b"AI" not in given.body.partition(b"# Sample")[2]
        (found,) = read_labels(given.body, "a.md")
        (handout,) = (await here.client.send("GET", "/api/labels/handouts", key=here.keys["auditor"])).json
        assert (handout["recipient"], handout["produce_id"]) == ("Example Press", found.label.produce_id)
        assert (await here.client.send("GET", "/api/labels/handouts", key=here.keys["stranger"])).json == []
        early = await here.client.send("DELETE", f"/api/labels/handouts/{handout['id']}", key=here.keys["owner"])
        assert early.status == 409
        nameless = {"model": "plain", "explicit": "false"}
        assert (await send(here, "/api/labels", SAMPLES["text.md"](), "a.md", **nameless)).status == 400
        await here.client.send("DELETE", "/api/labels/agreement", key=here.keys["owner"])
        assert (await send(here, "/api/labels", SAMPLES["text.md"](), "a.md", **asked)).status == 403
        agreements = (await here.client.send("GET", "/api/labels/agreements", key=here.keys["auditor"])).json
        assert [agreement["withdrawn_at"] is None for agreement in agreements] == [False]
