"""One of everything that an assistant keeps, made by somebody of the atelier, for strangers to ask after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanlin.assistants.meetings import Consent, NewRecording
from hanlin.assistants.translate import GlossaryForm, Order
from hanlin.types import new_id
from tests.api.cast import Premises

Tried = tuple[str, str, str, str, Any]
"""Method, path, somebody's id, its kind, and a body: JSON, or the bytes of a form."""
LANGUAGES = {"name": "x", "source": "en", "target": "zh"}
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nsource,target\r\na,b\r\n--b--\r\n'


async def kept_by_assistants(here: Premises, folder: Path) -> list[Tried]:
    """What can be tried on documents, recordings, translations, glossaries, files and jobs of the atelier."""
    owner, rooms = here.actors["owner"], here.rooms
    note = folder / "note.txt"
    note.write_text("A note of the atelier's, of no concern to anybody else.\n" * 9, encoding="utf-8")
    file = await rooms.files.add(owner, note, "note.txt")
    document = await rooms.documents.add(owner, file.id)
    collection = await rooms.documents.create(owner, "Plums")
    recording = await rooms.meetings.archive.create(owner, NewRecording(title="Plums"), Consent(True))
    translation = await rooms.translations.start(owner, file.id, Order("zh"))
    for subject in (document.id, translation.id):  # what these would ask a model is not for the record of other tests
        if job := await rooms.jobs.of(subject):
            await rooms.jobs.cancel(owner, job.id)
    glossary = await rooms.translations.glossaries.create(owner, GlossaryForm("Plums", "en", "zh"))
    await rooms.translations.memory.learn(owner, "plum", "李子", ("en", "zh"))
    entry = (await rooms.translations.memory.recent(owner))[0]
    return [
        *_documents(document.id, collection.id),
        *_recordings(recording.id),
        *_translations(translation.id),
        *_glossaries(glossary.id),
        ("DELETE", "/api/translations/memory/{}", entry.id, "mem", None),
        ("GET", "/api/files/{}", file.id, "file", None),
        ("GET", "/api/files/{}/content", file.id, "file", None),
        ("DELETE", "/api/files/{}", file.id, "file", None),
        ("GET", "/api/jobs/{}", document.job, "job", None),
        ("POST", "/api/jobs/{}/cancellation", document.job, "job", None),
    ]


def _documents(document: str, collection: str) -> list[Tried]:
    result = new_id("work")
    return [
        ("DELETE", "/api/documents/collections/{}", collection, "coll", None),
        ("PATCH", "/api/documents/collections/{}", collection, "coll", {"name": "x"}),
        ("POST", "/api/documents/{}/readings", document, "doc", None),
        *[
            ("GET", f"/api/documents/{{}}{part}", document, "doc", None)
            for part in ("", "/outline", "/pages/1", "/parts", "/tables", "/tables/file")
        ],
        ("DELETE", "/api/documents/{}", document, "doc", None),
        *[("GET", f"/api/documents/results/{{}}{part}", result, "work", None) for part in ("", "/file", "/thread")],
        ("DELETE", "/api/documents/results/{}", result, "work", None),
    ]


def _recordings(recording: str) -> list[Tried]:
    read = ("", "/audio", "/captions", "/file", "/job", "/mind-map", "/notes", "/peaks", "/segments", "/slides")
    more = ("/slides/1", "/speakers", "/speakers/1/excerpts", "/subtitles?language=zh")
    return [
        *[("GET", f"/api/meetings/{{}}{part}", recording, "rec", None) for part in (*read, *more)],
        ("PATCH", "/api/meetings/{}", recording, "rec", {"title": "x"}),
        ("POST", "/api/meetings/{}/end", recording, "rec", None),
        ("PUT", "/api/meetings/{}/file", recording, "rec", {"file": "x"}),
        ("POST", "/api/meetings/{}/live?start_bytes=0", recording, "rec", b"\0\0"),
        ("POST", "/api/meetings/{}/notes", recording, "rec", {}),
        ("PATCH", "/api/meetings/{}/segments/1", recording, "rec", {"text": "x"}),
        ("POST", "/api/meetings/{}/slides", recording, "rec", None),
        ("PATCH", "/api/meetings/{}/speakers/1", recording, "rec", {"name": "x"}),
        ("POST", "/api/meetings/{}/speakers/1/merge", recording, "rec", {"into": "x"}),
        ("POST", "/api/meetings/{}/transcription", recording, "rec", {}),
        ("POST", "/api/meetings/{}/translation", recording, "rec", {"language": "zh"}),
        ("DELETE", "/api/meetings/{}", recording, "rec", None),
    ]


def _translations(translation: str) -> list[Tried]:
    one = "/api/translations/{}/segments/1"
    return [
        *[("GET", f"/api/translations/{{}}{part}", translation, "trn", None) for part in ("", "/file", "/segments")],
        ("PUT", one, translation, "trn", {"text": "x"}),
        ("POST", f"{one}/approval", translation, "trn", None),
        ("POST", f"{one}/retry", translation, "trn", {}),
        ("GET", f"{one}/suggestions", translation, "trn", None),
        ("DELETE", "/api/translations/{}", translation, "trn", None),
    ]


def _glossaries(glossary: str) -> list[Tried]:
    return [
        ("PUT", "/api/glossaries/{}", glossary, "gls", LANGUAGES),
        ("PUT", "/api/glossaries/{}/terms", glossary, "gls", []),
        ("POST", "/api/glossaries/{}/import", glossary, "gls", FORM),
        *[("GET", f"/api/glossaries/{{}}{part}", glossary, "gls", None) for part in ("", "/file", "/terms")],
        ("DELETE", "/api/glossaries/{}", glossary, "gls", None),
    ]
