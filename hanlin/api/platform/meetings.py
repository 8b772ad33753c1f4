"""Meetings: recordings with consent, live captions, transcripts, notes, exports. What takes long is a job to watch."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.api.platform.rooms import Rooms
from hanlin.assistants.meetings import (
    EXPORTS,
    SEALED,
    Answer,
    Caption,
    Consent,
    Excerpt,
    NewRecording,
    Note,
    NoteKind,
    Page,
    Recording,
    Slide,
    Speaker,
    Subtitle,
    Utterance,
    byte_range,
    notice,
)
from hanlin.errors import BadRequest
from hanlin.jobs import Job
from hanlin.labels import HEADER, SourceType, header
from hanlin.service import Wish
from hanlin.types import Actor, Permission

AnyRequest = Request[Any, Any, Any]
GENERATE = allow(Permission.GENERATE)
Id = Annotated[str, Meta(max_length=40)]
ServiceName = Annotated[str, Meta(max_length=200)]
Code = Annotated[str, Meta(max_length=8)]
LIVE_BYTES = 1_000_000
"""Of one post of live sound: thirty seconds."""
NOSNIFF = {"x-content-type-options": "nosniff"}


class RecordingRequest(NewRecording, frozen=True, kw_only=True):
    consent: Consent | None = None
    file: Id = ""
    """Of a file that was uploaded; empty: the sound is recorded first, and comes later."""


class Change(Struct, frozen=True, kw_only=True):
    title: Annotated[str, Meta(max_length=1000)] | None = None
    shared: bool | None = None


class Sound(Struct, frozen=True):
    file: Id


class Correction(Struct, frozen=True, kw_only=True):
    text: Annotated[str, Meta(max_length=20_000)] | None = None
    speaker: Id | None = None
    """Empty: a new speaker."""


class Naming(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=1000)]


class Merging(Struct, frozen=True):
    into: Id


class Words(Struct, frozen=True):
    words: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=500)]


class NotesRequest(Struct, frozen=True, kw_only=True):
    kinds: Annotated[list[NoteKind], Meta(max_length=20)] = []
    """Empty: all."""
    language: Code = ""
    """Empty: the meeting's."""
    service: ServiceName = ""


class Question(Struct, frozen=True, kw_only=True):
    question: Annotated[str, Meta(max_length=10_000)]
    recording: Id = ""
    """Empty: all that you may see."""
    service: ServiceName = ""


class TranslationRequest(Struct, frozen=True, kw_only=True):
    language: Code
    service: ServiceName = ""


class Notice(Struct, frozen=True):
    text: str


class Received(Struct, frozen=True):
    received_bytes: int


@get("/meetings/notice", opt=GENERATE)
async def get_notice(language: FromQuery[str] = "en") -> Notice:
    """What participants are told before anything is recorded; `language`: en or zh."""
    return Notice(notice(language))


@get("/meetings", opt=GENERATE)
async def list_recordings(rooms: House, actor: Caller, search: FromQuery[str] = "") -> list[Recording]:
    """Your recordings and those that are shared with you, newest first; `search`: in titles and transcripts."""
    return await rooms.meetings.archive.recent(actor, search[:200])


@post("/meetings", opt=GENERATE)
async def create_recording(rooms: House, actor: Caller, data: JSONBody[RecordingRequest]) -> Recording:
    """A recording of an upload, or one whose sound comes later. 403 (`no_consent`) without consent."""
    return await rooms.meetings.create(actor, data, data.consent, file=data.file)


@post("/meetings/questions", opt=GENERATE, status_code=200)
async def ask_meetings(rooms: House, actor: Caller, data: JSONBody[Question]) -> Answer:
    """An answer with the times it comes from; `found` is false when the recordings do not say it."""
    return await rooms.meetings.ask(actor, data.question, recording=data.recording, service=data.service)


@get("/meetings/hot-words", opt=GENERATE)
async def list_hot_words(rooms: House, actor: Caller) -> list[str]:
    """Names and terms that every transcription in the workspace is told."""
    return await rooms.meetings.archive.hot_words(actor)


@put("/meetings/hot-words", opt=GENERATE)
async def set_hot_words(rooms: House, actor: Caller, data: JSONBody[Words]) -> list[str]:
    """Replace them."""
    return await rooms.meetings.archive.set_hot_words(actor, data.words)


@get("/meetings/{recording_id:str}", opt=GENERATE)
async def get_recording(rooms: House, actor: Caller, recording_id: FromPath[str]) -> Recording:
    """One recording, with the consent it was made under."""
    return await rooms.meetings.archive.read(actor, recording_id)


@patch("/meetings/{recording_id:str}", opt=GENERATE)
async def change_recording(
    rooms: House, actor: Caller, recording_id: FromPath[str], data: JSONBody[Change]
) -> Recording:
    """Rename a recording of yours, share it with the workspace, or end that."""
    if data.title is not None:
        await rooms.meetings.archive.rename(actor, recording_id, data.title)
    if data.shared is not None:
        await rooms.meetings.archive.share(actor, recording_id, shared=data.shared)
    return await rooms.meetings.archive.read(actor, recording_id)


@delete("/meetings/{recording_id:str}", opt=GENERATE)
async def erase_recording(rooms: House, actor: Caller, recording_id: FromPath[str]) -> None:
    """Erase a recording of yours with everything that was made of it."""
    await rooms.meetings.erase(actor, recording_id)


@get("/meetings/{recording_id:str}/job", opt=GENERATE)
async def get_recording_job(rooms: House, actor: Caller, recording_id: FromPath[str]) -> Job | None:
    """The newest job about a recording; null when there was none."""
    return await rooms.jobs.of((await rooms.meetings.archive.read(actor, recording_id)).id)


@put("/meetings/{recording_id:str}/file", opt=GENERATE)
async def attach_file(rooms: House, actor: Caller, recording_id: FromPath[str], data: JSONBody[Sound]) -> Recording:
    """Give a waiting recording its sound; its transcription starts."""
    return await rooms.meetings.attach(actor, recording_id, data.file)


@post("/meetings/{recording_id:str}/transcription", opt=GENERATE, status_code=202)
async def transcribe_again(
    rooms: House, actor: Caller, recording_id: FromPath[str], data: JSONBody[NewRecording]
) -> Job:
    """Transcribe anew with other wishes. Corrections are replaced."""
    return await rooms.meetings.transcribe(actor, recording_id, data)


@get("/meetings/{recording_id:str}/segments", opt=GENERATE)
async def list_segments(
    rooms: House,
    actor: Caller,
    recording_id: FromPath[str],
    *,
    start: FromQuery[int] = 1,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 200,
    search: FromQuery[str] = "",
) -> Page:
    """The transcript from a number on; `search`: the segments that contain a text."""
    found = rooms.meetings.transcripts
    return await found.page(actor, recording_id, start=start, limit=limit, search=search[:200])


@patch("/meetings/{recording_id:str}/segments/{segment_id:str}", opt=GENERATE)
async def correct_segment(
    rooms: House, actor: Caller, recording_id: FromPath[str], segment_id: FromPath[str], data: JSONBody[Correction]
) -> Utterance | None:
    """Correct what was recognised, or give it to another speaker."""
    if data.text is None and data.speaker is None:
        raise BadRequest("Neither a text nor a speaker came.", action="Send `text`, `speaker`, or both.")
    changed = None
    if data.text is not None:
        changed = await rooms.meetings.transcripts.correct(actor, recording_id, segment_id, data.text)
    if data.speaker is not None:
        changed = await rooms.meetings.transcripts.reassign(actor, recording_id, segment_id, data.speaker)
    return changed


@get("/meetings/{recording_id:str}/speakers", opt=GENERATE)
async def list_speakers(rooms: House, actor: Caller, recording_id: FromPath[str]) -> list[Speaker]:
    """The voices that were told apart."""
    return await rooms.meetings.transcripts.speakers(actor, recording_id)


@get("/meetings/{recording_id:str}/speakers/{speaker_id:str}/excerpts", opt=GENERATE)
async def list_excerpts(
    rooms: House, actor: Caller, recording_id: FromPath[str], speaker_id: FromPath[str]
) -> list[Excerpt]:
    """Up to five passages by which to know whose voice it is."""
    return await rooms.meetings.transcripts.excerpts(actor, recording_id, speaker_id)


@patch("/meetings/{recording_id:str}/speakers/{speaker_id:str}", opt=GENERATE)
async def name_speaker(
    rooms: House, actor: Caller, recording_id: FromPath[str], speaker_id: FromPath[str], data: JSONBody[Naming]
) -> list[Speaker]:
    """Say whose voice it is."""
    await rooms.meetings.transcripts.rename_speaker(actor, recording_id, speaker_id, data.name)
    return await rooms.meetings.transcripts.speakers(actor, recording_id)


@post("/meetings/{recording_id:str}/speakers/{speaker_id:str}/merge", opt=GENERATE, status_code=200)
async def merge_speakers(
    rooms: House, actor: Caller, recording_id: FromPath[str], speaker_id: FromPath[str], data: JSONBody[Merging]
) -> list[Speaker]:
    """Two voices that are one person's: this one goes into another."""
    await rooms.meetings.transcripts.merge(actor, recording_id, speaker_id, data.into)
    return await rooms.meetings.transcripts.speakers(actor, recording_id)


@get("/meetings/{recording_id:str}/audio", opt=GENERATE)
async def get_audio(rooms: House, actor: Caller, request: AnyRequest, recording_id: FromPath[str]) -> Response[Any]:
    """The sound as WAV; `Range` is answered, so that players can seek."""
    size, stream = await rooms.meetings.sound(actor, recording_id)
    asked = request.headers.get("range", "")
    wanted = byte_range(asked, size)
    headers = {**NOSNIFF, "accept-ranges": "bytes"}
    if wanted is None:
        return Response(b"", status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    start, end = wanted
    headers["content-length"] = str(end - start)
    if not asked:
        return Stream(stream(0, size), media_type="audio/wav", headers=headers)
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Stream(stream(start, end), status_code=206, media_type="audio/wav", headers=headers)


@get("/meetings/{recording_id:str}/peaks", opt=GENERATE)
async def get_peaks(rooms: House, actor: Caller, recording_id: FromPath[str]) -> list[int]:
    """The wave form: how loud each of 2,000 stretches of equal length is, 0 to 255."""
    return list(await rooms.meetings.peaks(actor, recording_id))


@get("/meetings/{recording_id:str}/notes", opt=GENERATE)
async def list_notes(
    rooms: House, actor: Caller, recording_id: FromPath[str], language: FromQuery[str] = ""
) -> list[Note]:
    """The notes that were made."""
    return await rooms.meetings.notes(actor, recording_id, language=language[:8])


@post("/meetings/{recording_id:str}/notes", opt=GENERATE, status_code=202)
async def make_notes(rooms: House, actor: Caller, recording_id: FromPath[str], data: JSONBody[NotesRequest]) -> Job:
    """Write notes, of all kinds or some."""
    made = rooms.meetings.make_notes(actor, recording_id, data.kinds, language=data.language, service=data.service)
    return await made


@get("/meetings/{recording_id:str}/mind-map", opt=GENERATE)
async def get_mind_map(
    rooms: House, actor: Caller, recording_id: FromPath[str], language: FromQuery[str] = ""
) -> Response[str]:
    """The mind map as SVG."""
    drawn = await rooms.meetings.mind_map(actor, recording_id, language=language[:8])
    return Response(drawn, media_type="image/svg+xml", headers={**NOSNIFF, "content-disposition": "attachment"})


@post("/meetings/{recording_id:str}/translation", opt=GENERATE, status_code=202)
async def translate_recording(
    rooms: House, actor: Caller, recording_id: FromPath[str], data: JSONBody[TranslationRequest]
) -> Job:
    """Translate every segment."""
    return await rooms.meetings.translate(actor, recording_id, data.language, service=data.service)


@get("/meetings/{recording_id:str}/subtitles", opt=GENERATE)
async def list_subtitles(
    rooms: House, actor: Caller, recording_id: FromPath[str], language: FromQuery[str]
) -> list[Subtitle]:
    """Segments with their translation, and what is doubtful of it."""
    return await rooms.meetings.subtitles(actor, recording_id, language[:8])


@get("/meetings/{recording_id:str}/slides", opt=GENERATE)
async def list_slides(rooms: House, actor: Caller, recording_id: FromPath[str]) -> list[Slide]:
    """Slides that were found in the video."""
    return await rooms.meetings.slides(actor, recording_id)


@post("/meetings/{recording_id:str}/slides", opt=GENERATE, status_code=202)
async def find_slides(rooms: House, actor: Caller, recording_id: FromPath[str]) -> Job:
    """Look for slides in the video."""
    return await rooms.meetings.find_slides(actor, recording_id)


@get("/meetings/{recording_id:str}/slides/{number:int}", opt=GENERATE)
async def get_slide(rooms: House, actor: Caller, recording_id: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    """A slide as PNG."""
    picture = await rooms.meetings.slide(actor, recording_id, number)
    return Response(picture, media_type="image/png", headers=NOSNIFF)


@get("/meetings/{recording_id:str}/file", opt=GENERATE)
async def export_recording(
    rooms: House,
    actor: Caller,
    recording_id: FromPath[str],
    *,
    kind: FromQuery[Literal["docx", "md", "pdf", "html", "txt", "json", "srt", "vtt"]] = "docx",
    part: FromQuery[list[Literal["notes", "transcript"]] | None] = None,
    notes: FromQuery[str] = "",
    bilingual: FromQuery[str] = "",
    language: FromQuery[Literal["zh", "en"]] = "en",
) -> Response[bytes]:
    """A recording as a file with every mark its kind can carry.

    `notes`: their language; `bilingual`: a language the segments were translated into; `language`: the label's.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "recording"
        name = await rooms.meetings.export(
            actor,
            recording_id,
            kind,
            path,
            parts=part or (),
            language=notes[:8],
            bilingual=bilingual[:8],
            label=language,
        )
        if kind not in SEALED:
            return _file(path.read_bytes(), name, EXPORTS[kind], {})
        route = rooms.registry.resolve(await _service(rooms, actor, recording_id), actor)
        wish = Wish(source=SourceType.GENERATED, language=language)
        async with rooms.seals.sealed(actor, route, path, name, wish) as (target, sealed):
            return _file(target.read_bytes(), name, sealed.media_type, {HEADER: header(sealed.label)})


@post("/meetings/live", opt=GENERATE)
async def begin_live(rooms: House, actor: Caller, data: JSONBody[RecordingRequest]) -> Recording:
    """A recording that is heard live from now on. 403 (`no_consent`) without consent."""
    return await rooms.meetings.live.begin(actor, data, data.consent)


@post("/meetings/{recording_id:str}/live", opt=GENERATE, status_code=200, request_max_body_size=LIVE_BYTES)
async def hear_live(
    rooms: House, actor: Caller, request: AnyRequest, recording_id: FromPath[str], start_bytes: FromQuery[int]
) -> Received:
    """Sound as it comes: 16 kHz, one channel, 16-bit little-endian samples; where it stands in the whole.

    May be repeated. 409 (`gap`) names the byte from which it is missing.
    """
    samples = await request.body()
    return Received(await rooms.meetings.live.hear(actor, recording_id, start_bytes, samples))


@get("/meetings/{recording_id:str}/captions", opt=GENERATE)
async def watch_captions(rooms: House, actor: Caller, recording_id: FromPath[str]) -> Stream:
    """Live captions as server-sent events; one with the number of an earlier one takes its place."""
    await rooms.meetings.archive.read(actor, recording_id)
    captions = rooms.meetings.live.captions(actor, recording_id)

    async def events() -> AsyncIterator[bytes]:
        async with aclosing(captions):
            async for caption in captions:
                yield _event(caption)
            yield b"event: end\ndata: {}\n\n"

    return Stream(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})


@post("/meetings/{recording_id:str}/end", opt=GENERATE, status_code=200)
async def end_live(rooms: House, actor: Caller, recording_id: FromPath[str]) -> Recording:
    """End a live recording; the whole is transcribed."""
    return await rooms.meetings.live.finish(actor, recording_id)


async def _service(rooms: Rooms, actor: Actor, recording_id: str) -> str:
    """What made the notes, or the transcript where there are none."""
    made = [note.service for note in await rooms.meetings.notes(actor, recording_id) if note.service]
    recording = await rooms.meetings.archive.read(actor, recording_id)
    return (made[-1] if made else "") or recording.service


def _event(caption: Caption) -> bytes:
    return b"event: caption\ndata: " + msgspec.json.encode(caption) + b"\n\n"


def _file(content: bytes, name: str, media_type: str, headers: dict[str, str]) -> Response[bytes]:
    shown = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}", **NOSNIFF}
    return Response(content, media_type=media_type, headers=shown | headers)


HANDLERS = [
    get_notice,
    list_recordings,
    create_recording,
    ask_meetings,
    list_hot_words,
    set_hot_words,
    get_recording,
    change_recording,
    erase_recording,
    get_recording_job,
    attach_file,
    transcribe_again,
    list_segments,
    correct_segment,
    list_speakers,
    list_excerpts,
    name_speaker,
    merge_speakers,
    get_audio,
    get_peaks,
    list_notes,
    make_notes,
    get_mind_map,
    translate_recording,
    list_subtitles,
    list_slides,
    find_slides,
    get_slide,
    export_recording,
    begin_live,
    hear_live,
    watch_captions,
    end_live,
]
router = Router(path="/", tags=["meetings"], route_handlers=HANDLERS)
