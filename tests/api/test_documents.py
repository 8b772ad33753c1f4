"""/api/documents: collections, documents, what is made of them; strangers learn nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.asgi_client import Answer
from tests.api.cast import Premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "The well was dug in 1911. " + "It gives clear water to the whole village. " * 9


async def send(here: Premises, who: str, method: str, path: str, body: Any = None) -> Answer:
    return await here.client.send(method, f"/api/documents{path}", key=here.keys[who], json=body)


async def pasted(here: Premises, who: str = "owner", **fields: str) -> dict[str, Any]:
    """A text of theirs that has been read."""
    made = await send(here, who, "POST", "/texts", {"text": TEXT, **fields})
    assert made.status == 202, made.body
    document: dict[str, Any] = made.json
    async with asyncio.timeout(60):
        while document["state"] not in {"ready", "failed"}:
            await asyncio.sleep(0.05)
            document = (await send(here, who, "GET", f"/{document['id']}")).json
    assert document["state"] == "ready", document
    return document


async def test_a_text_is_read_searched_shown_and_erased(here: Premises) -> None:
    document = await pasted(here, name="well")
    path = f"/{document['id']}"
    hits = (await send(here, "owner", "GET", "/search?query=clear+water")).json
    assert {hit["document"] for hit in hits} == {document["id"]}
    parts = (await send(here, "owner", "GET", f"{path}/parts")).json
    assert "".join(part["text"] for part in parts).startswith("The well was dug in 1911.")
    assert (await send(here, "owner", "GET", f"{path}/tables")).json == []
    assert (await send(here, "owner", "GET", f"{path}/outline")).json == []
    assert (await send(here, "owner", "GET", f"{path}/pages/1")).error["code"] == "no_page_picture"
    assert (await send(here, "owner", "GET", f"{path}/tables/file")).status == 404
    assert (await send(here, "owner", "POST", f"{path}/readings")).status == 202
    assert (await send(here, "owner", "DELETE", path)).status == 204
    assert (await send(here, "owner", "GET", path)).status == 404


async def test_what_is_made_at_once_is_answered_with_it(here: Premises) -> None:
    document = await pasted(here)
    chosen = {"documents": [document["id"]], "service": "plain"}
    summary = await send(here, "owner", "POST", "/summaries", {**chosen, "length": "short"})
    assert (summary.status, summary.json["state"], summary.json["text"]) == (200, "done", "one two three four")
    question = await send(here, "owner", "POST", "/questions", {**chosen, "question": "When was the well dug?"})
    assert (question.status, question.json["kind"], question.json["asked"]) == (200, "answer", "When was the well dug?")
    draft = await send(here, "owner", "POST", "/drafts", {**chosen, "instruction": "Write of the well."})
    polish = await send(here, "owner", "POST", "/polishes", {"text": "a text", "service": "plain"})
    assert [each.json["text"] for each in (draft, polish)] == ["one two three four"] * 2
    listed = (await send(here, "owner", "GET", f"/results?document={document['id']}")).json
    assert {each["id"] for each in listed} == {each.json["id"] for each in (summary, question, draft)}
    same = await send(here, "owner", "POST", "/comparisons", {"before": document["id"], "after": document["id"]})
    assert same.status == 400


async def test_a_result_leaves_as_a_sealed_file(here: Premises) -> None:
    document = await pasted(here)
    body = {"documents": [document["id"]], "service": "plain"}
    result = (await send(here, "owner", "POST", "/summaries", body)).json
    for kind, beginning in (("docx", b"PK"), ("pdf", b"%PDF"), ("md", b"")):
        file = await send(here, "owner", "GET", f"/results/{result['id']}/file?kind={kind}")
        assert file.status == 200, (kind, file.body)
        assert file.body.startswith(beginning)
    assert (await send(here, "owner", "DELETE", f"/results/{result['id']}")).status == 204
    assert (await send(here, "owner", "GET", f"/results/{result['id']}")).status == 404


async def test_a_shared_collection_is_read_by_colleagues_and_by_nobody_else(here: Premises) -> None:
    shelf = (await send(here, "owner", "POST", "/collections", {"name": "Wells", "shared": True})).json
    document = await pasted(here, collection=shelf["id"])
    assert (await send(here, "colleague", "GET", f"/{document['id']}")).status == 200
    assert (await send(here, "colleague", "DELETE", f"/{document['id']}")).status == 403
    changed = await send(here, "owner", "PATCH", f"/collections/{shelf['id']}", {"name": "Old wells", "shared": False})
    assert (changed.status, changed.json["name"], changed.json["shared"]) == (200, "Old wells", False)
    for who in ("colleague", "stranger"):
        random = await send(here, who, "GET", "/doc_" + "0" * 32)
        for method, path in (
            ("GET", f"/{document['id']}"),
            ("DELETE", f"/{document['id']}"),
            ("GET", f"/{document['id']}/parts"),
            ("GET", f"/{document['id']}/pages/1"),
            ("GET", f"/{document['id']}/tables/file"),
            ("GET", f"?collection={shelf['id']}"),
            ("GET", f"/search?query=well&document={document['id']}"),
            ("DELETE", f"/collections/{shelf['id']}"),
        ):
            answer = await send(here, who, method, path)
            assert (answer.status, answer.error["message"]) == (404, random.error["message"]), path
        assert (await send(here, who, "GET", "/search?query=well")).json == []
    assert (await send(here, "owner", "DELETE", f"/collections/{shelf['id']}")).status == 204


async def test_an_auditor_reads_no_documents(here: Premises) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/collections", None),
        ("POST", "/texts", {"text": "x"}),
        ("GET", "/results", None),
    ):
        assert (await send(here, "auditor", method, path, body)).status == 403


async def test_malformed_requests_are_refused(here: Premises) -> None:
    for path, body in (
        ("/summaries", {"documents": []}),
        ("/summaries", {"documents": ["doc_1"], "shape": "sonnet"}),
        ("/questions", {"question": ""}),
        ("/polishes", {"text": "x", "tone": "angry"}),
        ("/drafts", {}),
        ("/texts", {"text": ""}),
    ):
        assert (await send(here, "owner", "POST", path, body)).status in {400, 404, 422}, body
