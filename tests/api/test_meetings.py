"""/api/meetings: recordings under consent, their transcripts and files; strangers learn nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hanlin.assistants.meetings import NewRecording, State
from hanlin.assistants.meetings.speaking import Turn
from hanlin.assistants.meetings.transcription import put_transcript
from hanlin.labels import read_labels
from hanlin.types import new_id
from tests.api.asgi_client import Answer
from tests.api.cast import Premises
from tests.assistants.meetings.conftest import YES

pytestmark = pytest.mark.asyncio(loop_scope="module")

TALK = ("We ship the printer on Friday.", "Anna tests it before.", "Good, and who writes the manual for the printer?")
CONSENT = {"confirmed": True, "language": "zh", "participants": 3}


async def send(here: Premises, who: str, method: str, path: str = "", body: Any = None, **more: Any) -> Answer:
    return await here.client.send(method, f"/api/meetings{path}", key=here.keys[who], json=body, **more)


async def told(here: Premises, who: str = "owner", lines: tuple[str, ...] = TALK) -> str:
    """The id of a recording of theirs with a transcript; nothing was decoded for it."""
    meetings = here.rooms.meetings
    made = await meetings.archive.create(here.actors[who], NewRecording(title="Stand-up", language="en"), YES)
    turns = [Turn(number % 2, 5.0 * number, 5.0 * number + 4, text, 0.9, ()) for number, text in enumerate(lines)]
    async with meetings._database.write() as connection:
        await put_transcript(connection, made.id, turns)
    await meetings.archive.change(made.id, state=State.READY, seconds=15.0, service="plain", edited_at=1)
    return made.id


async def test_nothing_is_recorded_without_consent_and_the_notice_can_be_read(here: Premises) -> None:
    assert (await send(here, "owner", "GET", "/notice?language=zh")).json["text"].startswith("本次谈话")
    refused = await send(here, "owner", "POST", "/live", {"title": "x"})
    assert (refused.status, refused.error["code"]) == (403, "no_consent")
    made = await send(here, "owner", "POST", "/live", {"title": "x", "consent": CONSENT})
    assert (made.status, made.json["state"], made.json["consent_language"]) == (201, "live", "zh")
    (leaf,) = [leaf for leaf in await here.leaves() if getattr(leaf, "facts", {}).get("recording") == made.json["id"]]
    assert (leaf.event, leaf.facts["participants"]) == ("recording:consented", 3)


async def test_where_nothing_transcribes_that_is_said(here: Premises) -> None:
    refused = await send(here, "owner", "POST", "", {"consent": CONSENT})
    assert (refused.status, refused.error["code"]) == (503, "skill_missing")


async def test_sound_is_heard_live_once_and_in_order(here: Premises) -> None:
    made = (await send(here, "owner", "POST", "/live", {"consent": CONSENT})).json["id"]
    path = f"/api/meetings/{made}/live"
    kind = {"content-type": "application/octet-stream"}
    for _ in range(2):
        heard = await here.client.send(
            "POST", f"{path}?start_bytes=0", body=bytes(32_000), key=here.keys["owner"], headers=kind
        )
        assert (heard.status, heard.json) == (200, {"received_bytes": 32_000})
    gap = await here.client.send(
        "POST", f"{path}?start_bytes=64000", body=bytes(2), key=here.keys["owner"], headers=kind
    )
    assert (gap.status, gap.error["code"]) == (409, "gap")
    assert (await send(here, "owner", "DELETE", f"/{made}")).status == 204
    assert (await send(here, "owner", "GET", f"/{made}")).status == 404


async def test_a_transcript_is_read_corrected_and_searched(here: Premises) -> None:
    made = await told(here)
    page = (await send(here, "owner", "GET", f"/{made}/segments?limit=2")).json
    assert ([one["text"] for one in page["segments"]], page["next"]) == (list(TALK[:2]), 3)
    segment = page["segments"][0]
    changed = await send(here, "owner", "PATCH", f"/{made}/segments/{segment['id']}", {"text": "We ship on Monday."})
    assert (changed.json["text"], changed.json["original"]) == ("We ship on Monday.", TALK[0])
    assert [word[0] for word in changed.json["words"]] == ["We", " ship", " on", " Monday."]
    found = (await send(here, "owner", "GET", f"/{made}/segments?search=monday")).json
    assert found["total"] == 1
    assert made in [one["id"] for one in (await send(here, "owner", "GET", "?search=monday")).json]
    one, two = (await send(here, "owner", "GET", f"/{made}/speakers")).json
    named = await send(here, "owner", "PATCH", f"/{made}/speakers/{one['id']}", {"name": "Anna"})
    assert [speaker["name"] for speaker in named.json] == ["Anna", ""]
    assert len((await send(here, "owner", "GET", f"/{made}/speakers/{one['id']}/excerpts")).json) == 2
    merged = await send(here, "owner", "POST", f"/{made}/speakers/{two['id']}/merge", {"into": one["id"]})
    assert [speaker["name"] for speaker in merged.json] == ["Anna"]


@pytest.mark.parametrize("kind", ["docx", "md", "pdf", "html", "txt", "json"])
async def test_an_export_carries_its_label_and_is_known_again(here: Premises, kind: str) -> None:
    made = await told(here)
    file = await send(here, "owner", "GET", f"/{made}/file?kind={kind}&language=zh")
    assert file.status == 200, file.body
    name = f"a.{kind}"
    (found,) = read_labels(file.body, name)
    assert found.label.produce_id in file.headers["x-aigc-label"]
    assert f"Stand-up.{kind}" in file.headers["content-disposition"]


async def test_subtitles_say_what_made_them(here: Premises) -> None:
    made = await told(here)
    file = await send(here, "owner", "GET", f"/{made}/file?kind=vtt&language=zh")
    assert file.body.decode().startswith("WEBVTT")
    assert "本内容由人工智能生成" in file.body.decode()


async def test_notes_need_something_to_note(here: Premises) -> None:
    refused = await send(here, "owner", "POST", f"/{await told(here)}/notes", {"kinds": ["summary"]})
    assert (refused.status, refused.error["code"]) == (400, "too_short")
    unknown = await send(here, "owner", "POST", f"/{await told(here)}/notes", {"kinds": ["poem"]})
    assert unknown.status == 400


async def test_a_question_without_an_answer_is_answered_so(here: Premises) -> None:
    made = await told(here)
    asked = {"question": "Who writes the manual?", "recording": made, "service": "plain"}
    answer = await send(here, "owner", "POST", "/questions", asked)
    assert (answer.status, answer.json["found"], answer.json["cited"]) == (200, False, [])


async def test_a_colleague_sees_what_is_shared_and_a_stranger_never(here: Premises) -> None:
    made = await told(here)
    paths = ("", "/segments", "/speakers", "/notes", "/peaks", "/audio", "/slides", "/file?kind=md", "/job",
             "/captions", "/mind-map", "/subtitles?language=zh")  # fmt: skip
    for who in ("colleague", "stranger"):
        for path in paths:
            unknown = await send(here, who, "GET", f"/{new_id('rec')}{path}")
            answer = await send(here, who, "GET", f"/{made}{path}")
            assert (answer.status, answer.error) == (404, unknown.error), path
    assert (await send(here, "owner", "PATCH", f"/{made}", {"shared": True})).json["shared"] is True
    assert (await send(here, "colleague", "GET", f"/{made}/segments")).json["total"] == 3
    assert (await send(here, "stranger", "GET", f"/{made}")).status == 404
    segment = (await send(here, "colleague", "GET", f"/{made}/segments")).json["segments"][0]["id"]
    for method, path, body in (
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("PATCH", f"/segments/{segment}", {"text": "No."}),
        ("POST", "/notes", {}),
        ("POST", "/translation", {"language": "zh"}),
    ):
        assert (await send(here, "colleague", method, f"/{made}{path}", body)).status == 403
    assert (await send(here, "auditor", "GET", f"/{made}")).status == 403


async def test_hot_words_belong_to_the_workspace(here: Premises) -> None:
    assert (await send(here, "owner", "PUT", "/hot-words", {"words": ["Hanlin", "Wenwen"]})).json == [
        "Hanlin",
        "Wenwen",
    ]
    assert (await send(here, "colleague", "GET", "/hot-words")).json == ["Hanlin", "Wenwen"]
    assert (await send(here, "stranger", "GET", "/hot-words")).json == []


async def test_no_word_of_a_meeting_is_on_the_record(here: Premises) -> None:
    made = await told(here, lines=("The quince harvest is a secret.",))
    await send(
        here, "owner", "POST", "/questions", {"question": "What of quinces?", "recording": made, "service": "plain"}
    )
    assert "quince" not in json.dumps([str(leaf) for leaf in await here.leaves()])
