"""Translations: texts at once, files as jobs, their segments, glossaries, the memory."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.api.platform.rooms import Rooms
from hanlin.assistants.translate import (
    LANGUAGES,
    Detected,
    Filter,
    Glossary,
    GlossaryForm,
    Language,
    Order,
    Remembered,
    Segment,
    Suggestion,
    Term,
    Translated,
    Translation,
    detect,
)
from hanlin.jobs import Job
from hanlin.labels import HEADER, header
from hanlin.service import Wish
from hanlin.storage import receive
from hanlin.types import Actor, Permission

AnyRequest = Request[Any, Any, Any]
GENERATE = allow(Permission.GENERATE)
TERMS_BYTES = 32 * 1024 * 1024
"""Of a body with all terms of a glossary."""
UNSEALED = frozenset({"srt", "vtt"})
"""Subtitles have no place for a label that players do not show as speech."""
Id = Annotated[str, Meta(max_length=40)]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class TextOrder(Order, frozen=True, kw_only=True):
    text: Annotated[str, Meta(max_length=20_000)]


class FileOrder(Order, frozen=True, kw_only=True):
    file: Id
    """Id of a file of yours."""


class TextOnly(Struct, frozen=True):
    text: Annotated[str, Meta(max_length=20_000)]


class Wording(Struct, frozen=True):
    text: Annotated[str, Meta(max_length=20_000)]
    """With every marker of the source."""


class Again(Struct, frozen=True):
    service: Annotated[str, Meta(max_length=200)] = ""
    """Whom to ask; empty: as the translation was ordered."""


class Standing(Struct, frozen=True):
    """A translation and how far its job is."""

    translation: Translation
    job: Job | None


class NewGlossary(GlossaryForm, frozen=True, kw_only=True):
    terms: Annotated[tuple[Term, ...], Meta(max_length=20_000)] = ()


class Forgotten(Struct, frozen=True):
    entries: int


@get("/translations/languages", opt=allow(None))
async def list_languages() -> list[Language]:
    """Languages that are translated, the most used first."""
    return list(LANGUAGES.values())


@post("/translations/detect", opt=GENERATE, status_code=200)
async def detect_language(data: JSONBody[TextOnly]) -> Detected:
    """The language of a text; its `code` is empty when nothing tells it."""
    return detect(data.text)


@post("/translations/text", opt=GENERATE, status_code=200)
async def translate_text(rooms: House, actor: Caller, data: JSONBody[TextOrder]) -> Translated:
    """A text's translation with a flag on every doubtful segment."""
    return await rooms.translations.text(actor, data.text, _order(data))


@post("/translations", opt=GENERATE)
async def translate_file(rooms: House, actor: Caller, data: JSONBody[FileOrder]) -> Standing:
    """Begin to translate a file of yours; its job tells how far it is."""
    made = await rooms.translations.start(actor, data.file, _order(data))
    return await _standing(rooms, actor, made.id)


@get("/translations", opt=GENERATE)
async def list_translations(rooms: House, actor: Caller) -> list[Translation]:
    """Your translations of files, newest first."""
    return await rooms.translations.recent(actor)


@get("/translations/{translation_id:str}", opt=GENERATE)
async def get_translation(rooms: House, actor: Caller, translation_id: FromPath[str]) -> Standing:
    """One translation and its job."""
    return await _standing(rooms, actor, translation_id)


@delete("/translations/{translation_id:str}", opt=GENERATE)
async def erase_translation(rooms: House, actor: Caller, translation_id: FromPath[str]) -> None:
    """Delete a translation with its segments; what makes it is ended, the file stays."""
    await rooms.translations.erase(actor, translation_id)


@get("/translations/{translation_id:str}/segments", opt=GENERATE)
async def list_segments(
    rooms: House,
    actor: Caller,
    translation_id: FromPath[str],
    *,
    which: FromQuery[Filter] = Filter.ALL,
    after: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
    limit: Limit = 50,
) -> list[Segment]:
    """Segments in order: all, flagged, or open (not approved); `after` is the last number seen."""
    return await rooms.translations.segments(actor, translation_id, which=which, after=after, limit=limit)


@put("/translations/{translation_id:str}/segments/{number:int}", opt=GENERATE)
async def set_segment(
    rooms: House, actor: Caller, translation_id: FromPath[str], number: FromPath[int], data: JSONBody[Wording]
) -> Segment:
    """Your own wording; its flags say what is odd. 400 (`markers_lost`) when a marker is missing or doubled."""
    return await rooms.translations.set(actor, translation_id, number, data.text)


@post("/translations/{translation_id:str}/segments/{number:int}/approval", opt=GENERATE, status_code=200)
async def approve_segment(rooms: House, actor: Caller, translation_id: FromPath[str], number: FromPath[int]) -> Segment:
    """Take a segment as it stands; the workspace's memory learns it."""
    return await rooms.translations.approve(actor, translation_id, number)


@post("/translations/{translation_id:str}/segments/{number:int}/retry", opt=GENERATE, status_code=200)
async def retry_segment(
    rooms: House, actor: Caller, translation_id: FromPath[str], number: FromPath[int], data: JSONBody[Again]
) -> Segment:
    """Ask again for one segment."""
    return await rooms.translations.retry(actor, translation_id, number, service=data.service)


@get("/translations/{translation_id:str}/segments/{number:int}/suggestions", opt=GENERATE)
async def suggest_for_segment(
    rooms: House, actor: Caller, translation_id: FromPath[str], number: FromPath[int]
) -> list[Suggestion]:
    """What the workspace's memory has that is at least 0.75 like it, the likest first."""
    return await rooms.translations.suggestions(actor, translation_id, number)


@get("/translations/{translation_id:str}/file", opt=GENERATE)
async def get_translated_file(
    rooms: House,
    actor: Caller,
    translation_id: FromPath[str],
    *,
    bilingual: FromQuery[bool] = False,
    paper: FromQuery[Literal["docx", "html"]] = "docx",
    language: FromQuery[Literal["zh", "en"]] = "en",
) -> Response[bytes]:
    """The finished file with every mark its kind can carry; `language` is the visible label's.

    `bilingual`: both languages, as `paper` (subtitles stay subtitles). A PDF always leaves as `paper`.
    """
    exported = rooms.translations.exported(actor, translation_id, bilingual=bilingual, paper=paper)
    async with exported as (path, name):
        if name.rpartition(".")[2].lower() in UNSEALED:
            return _file(path.read_bytes(), name, "text/plain; charset=utf-8")
        route = rooms.registry.resolve(await rooms.translations.answered_by(actor, translation_id), actor)
        async with rooms.seals.sealed(actor, route, path, name, Wish(language=language)) as (target, sealed):
            return _file(target.read_bytes(), name, sealed.media_type, {HEADER: header(sealed.label)})


@get("/translations/memory", opt=GENERATE)
async def list_memory(
    rooms: House, actor: Caller, search: FromQuery[str] = "", before: FromQuery[str] = ""
) -> list[Remembered]:
    """What the workspace's memory holds, newest first, 100 at a time; `before` is the last id seen."""
    return await rooms.translations.memory.recent(actor, search[:200], before=before[:40])


@delete("/translations/memory", opt=GENERATE, status_code=200)
async def erase_memory(rooms: House, actor: Caller, mine: FromQuery[bool] = True) -> Forgotten:
    """Erase all of your entries; with `mine=false` an owner erases those of the workspace."""
    return Forgotten(await rooms.translations.memory.forget_all(actor, mine=mine))


@delete("/translations/memory/{entry_id:str}", opt=GENERATE)
async def erase_memory_entry(rooms: House, actor: Caller, entry_id: FromPath[str]) -> None:
    """Erase one entry: your own, or any of the workspace for its owner."""
    await rooms.translations.memory.forget(actor, entry_id)


@get("/glossaries", opt=GENERATE)
async def list_glossaries(rooms: House, actor: Caller) -> list[Glossary]:
    """Your glossaries and those shared with the workspace."""
    return list(await rooms.translations.glossaries.list(actor))


@post("/glossaries", opt=GENERATE, request_max_body_size=TERMS_BYTES)
async def create_glossary(rooms: House, actor: Caller, data: JSONBody[NewGlossary]) -> Glossary:
    """A new glossary, with terms if you have them."""
    return await rooms.translations.glossaries.create(actor, data, data.terms)


@get("/glossaries/{glossary_id:str}", opt=GENERATE)
async def get_glossary(rooms: House, actor: Caller, glossary_id: FromPath[str]) -> Glossary:
    """One glossary."""
    return await rooms.translations.glossaries.get(actor, glossary_id)


@put("/glossaries/{glossary_id:str}", opt=GENERATE)
async def change_glossary(
    rooms: House, actor: Caller, glossary_id: FromPath[str], data: JSONBody[GlossaryForm]
) -> Glossary:
    """Another name or languages; only its maker decides whether it is shared."""
    return await rooms.translations.glossaries.change(actor, glossary_id, data)


@delete("/glossaries/{glossary_id:str}", opt=GENERATE)
async def erase_glossary(rooms: House, actor: Caller, glossary_id: FromPath[str]) -> None:
    """Delete a glossary with its terms."""
    await rooms.translations.glossaries.erase(actor, glossary_id)


@get("/glossaries/{glossary_id:str}/terms", opt=GENERATE)
async def list_terms(rooms: House, actor: Caller, glossary_id: FromPath[str]) -> list[Term]:
    """All terms in order."""
    return list(await rooms.translations.glossaries.terms(actor, glossary_id))


@put("/glossaries/{glossary_id:str}/terms", opt=GENERATE, request_max_body_size=TERMS_BYTES)
async def replace_terms(
    rooms: House, actor: Caller, glossary_id: FromPath[str], data: JSONBody[list[Term]]
) -> Glossary:
    """These terms in the place of those it has."""
    return await rooms.translations.glossaries.replace(actor, glossary_id, data)


@post("/glossaries/{glossary_id:str}/import", opt=GENERATE, status_code=200, request_max_body_size=None)
async def import_terms(rooms: House, actor: Caller, request: AnyRequest, glossary_id: FromPath[str]) -> Glossary:
    """Add the terms of a form's `file`: CSV, TSV or TBX. A term it has is replaced."""
    kind = request.headers.get("content-type", "")
    async with receive(request.stream(), kind, rooms.seals.folder, limit_bytes=TERMS_BYTES) as upload:
        return await rooms.translations.glossaries.take_in(actor, glossary_id, upload.path, upload.name)


@get("/glossaries/{glossary_id:str}/file", opt=GENERATE)
async def export_terms(
    rooms: House, actor: Caller, glossary_id: FromPath[str], kind: FromQuery[Literal["csv", "tbx"]] = "csv"
) -> Response[bytes]:
    """The glossary as CSV or TBX."""
    glossary = await rooms.translations.glossaries.get(actor, glossary_id)
    content = await rooms.translations.glossaries.written(actor, glossary_id, kind)
    media_type = "text/csv; charset=utf-8" if kind == "csv" else "application/x-tbx+xml"
    return _file(content, f"{glossary.name}.{kind}", media_type)


def _order(asked: Order) -> Order:
    return Order(
        target=asked.target,
        source=asked.source,
        service=asked.service,
        glossaries=asked.glossaries,
        use_memory=asked.use_memory,
    )


async def _standing(rooms: Rooms, actor: Actor, translation_id: str) -> Standing:
    translation = await rooms.translations.get(actor, translation_id)
    return Standing(translation, await rooms.translations.job(actor, translation_id))


def _file(content: bytes, name: str, media_type: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    said = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}", "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers={**said, **(headers or {})})


HANDLERS = [
    list_languages,
    detect_language,
    translate_text,
    translate_file,
    list_translations,
    get_translation,
    erase_translation,
    list_segments,
    set_segment,
    approve_segment,
    retry_segment,
    suggest_for_segment,
    get_translated_file,
    list_memory,
    erase_memory,
    erase_memory_entry,
    list_glossaries,
    create_glossary,
    get_glossary,
    change_glossary,
    erase_glossary,
    list_terms,
    replace_terms,
    import_terms,
    export_terms,
]
router = Router(path="/", tags=["translations"], route_handlers=HANDLERS)
