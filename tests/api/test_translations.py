"""Translations over HTTP: every route answers, in its shape, and a stranger finds nothing."""

from __future__ import annotations

import io

import pytest
from docx import Document

from hanlin.labels import read_labels
from tests.api.cast import Premises
from tests.api.test_labels import form

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_text_comes_back_in_segments_with_flags(here: Premises) -> None:
    asked = {"text": "A quiet evening.\nIn 1999.", "target": "zh", "service": "plain"}
    answer = await here.client.send("POST", "/api/translations/text", json=asked, key=here.keys["owner"])
    assert answer.status == 200, answer.body
    first = answer.json["segments"][0]
    assert (first["source"], first["target"]) == ("A quiet evening.", "one two three four")
    assert "wrong_language" in first["flags"]


async def test_a_file_is_translated_corrected_and_leaves_sealed(here: Premises) -> None:
    key, source = here.keys["owner"], here.folder / "letter.docx"
    document = Document()
    document.add_paragraph("A quiet evening in the village.")
    document.save(str(source))
    file = await here.rooms.files.add(here.actors["owner"], source, "letter.docx")
    asked = {"file": file.id, "target": "zh", "service": "plain"}
    begun = await here.client.send("POST", "/api/translations", json=asked, key=key)
    assert begun.status == 201, begun.body
    path = f"/api/translations/{begun.json['translation']['id']}"
    async for job in here.rooms.jobs.watch(here.actors["owner"], begun.json["job"]["id"], interval_seconds=0.01):
        state = job.state
    assert state == "done"
    (segment,) = (await here.client.send("GET", f"{path}/segments?which=flagged", key=key)).json
    assert "wrong_language" in segment["flags"]
    wording = {"text": "村子里安静的夜晚。"}
    corrected = (await here.client.send("PUT", f"{path}/segments/1", json=wording, key=key)).json
    assert (corrected["origin"], corrected["flags"]) == ("person", [])
    out = await here.client.send("GET", f"{path}/file", key=key)
    assert "letter.zh.docx" in out.headers["content-disposition"]
    (found,) = read_labels(out.body, "letter.zh.docx")
    assert not found.faults
    assert "村子里安静的夜晚。" in [paragraph.text for paragraph in Document(io.BytesIO(out.body)).paragraphs]
    for route in (path, f"{path}/segments", f"{path}/file"):
        assert (await here.client.send("GET", route, key=here.keys["stranger"])).status == 404
    assert (await here.client.send("DELETE", "/api/translations/memory", key=key)).json == {"entries": 1}


async def test_languages_are_listed_and_told_apart(here: Premises) -> None:
    languages = (await here.client.send("GET", "/api/translations/languages", key=here.keys["owner"])).json
    assert {"zh", "en", "vi", "id", "th", "ms"} <= {language["code"] for language in languages}
    told = await here.client.send(
        "POST", "/api/translations/detect", json={"text": "Selamat pagi, encik."}, key=here.keys["owner"]
    )
    assert told.json["code"] == "ms"


async def test_an_unknown_language_is_refused_by_its_parameter(here: Premises) -> None:
    asked = {"text": "Hello", "target": "xx"}
    refused = await here.client.send("POST", "/api/translations/text", json=asked, key=here.keys["owner"])
    assert (refused.status, refused.error["code"], refused.error["param"]) == (400, "unknown_language", "target")


async def test_a_glossary_is_made_filled_taken_along_and_erased(here: Premises) -> None:
    key = here.keys["owner"]
    made = {"name": "Words", "source": "en", "target": "zh", "terms": [{"source": "ship", "target": "船"}]}
    glossary = (await here.client.send("POST", "/api/glossaries", json=made, key=key)).json
    path = f"/api/glossaries/{glossary['id']}"
    body, kind = form("source,target\nsea,海\n".encode(), "more.csv")
    grown = await here.client.send("POST", f"{path}/import", body=body, key=key, headers={"content-type": kind})
    assert (grown.status, grown.json["terms"]) == (200, 2)
    terms = (await here.client.send("GET", f"{path}/terms", key=key)).json
    assert [term["target"] for term in terms] == ["船", "海"]
    out = await here.client.send("GET", f"{path}/file", key=key)
    assert out.body.decode("utf-8-sig").splitlines() == ["source,target,note", "ship,船,", "sea,海,"]
    for who, expected in (("stranger", 404), ("colleague", 404), ("auditor", 403)):
        for method, route in (("GET", path), ("GET", f"{path}/terms"), ("GET", f"{path}/file"), ("DELETE", path)):
            assert (await here.client.send(method, route, key=here.keys[who])).status == expected
    assert (await here.client.send("DELETE", path, key=key)).status == 204


@pytest.mark.parametrize(
    ("method", "route", "json"),
    [
        ("GET", "/api/translations/trn_0", None),
        ("DELETE", "/api/translations/trn_0", None),
        ("GET", "/api/translations/trn_0/segments", None),
        ("PUT", "/api/translations/trn_0/segments/1", {"text": "x"}),
        ("POST", "/api/translations/trn_0/segments/1/approval", None),
        ("POST", "/api/translations/trn_0/segments/1/retry", {}),
        ("GET", "/api/translations/trn_0/segments/1/suggestions", None),
        ("GET", "/api/translations/trn_0/file", None),
        ("POST", "/api/translations", {"file": "file_0", "target": "zh"}),
        ("DELETE", "/api/translations/memory/mem_0", None),
    ],
)
async def test_what_is_not_there_is_not_found(
    here: Premises, method: str, route: str, json: dict[str, str] | None
) -> None:
    answer = await here.client.send(method, route, json=json, key=here.keys["stranger"])
    assert answer.status == 404, answer.body


async def test_the_memory_is_listed_and_erased(here: Premises) -> None:
    assert (await here.client.send("GET", "/api/translations/memory", key=here.keys["owner"])).json == []
    erased = await here.client.send("DELETE", "/api/translations/memory", key=here.keys["owner"])
    assert erased.json == {"entries": 0}
