"""The assistant's face: what is done with recordings. `archive`, `transcripts` and `live` hold the rest of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from sqlalchemy import delete, select, update

from hanlin.assistants.meetings import exports, mind_map
from hanlin.assistants.meetings.archive import Archive, asked
from hanlin.assistants.meetings.asking import Asking
from hanlin.assistants.meetings.digesting import Digesting
from hanlin.assistants.meetings.gallery import Gallery
from hanlin.assistants.meetings.indexing import Indexing
from hanlin.assistants.meetings.live import Live
from hanlin.assistants.meetings.noting import Noting
from hanlin.assistants.meetings.records import (
    NOTE_KINDS,
    Answer,
    Consent,
    Digest,
    NewRecording,
    Note,
    NoteKind,
    Recording,
    Slide,
    State,
    Subtitle,
)
from hanlin.assistants.meetings.sounds import Sounds
from hanlin.assistants.meetings.tables import recordings
from hanlin.assistants.meetings.transcription import Transcription
from hanlin.assistants.meetings.transcripts import Transcripts
from hanlin.assistants.meetings.translating import Translating
from hanlin.errors import BadRequest, Conflict, NotFound
from hanlin.files import File, Files
from hanlin.jobs import Job, Jobs, Work
from hanlin.retrieval import Index
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Announce, Skill, unheard

PURPOSE = "meetings"
"""Purpose of uploads that were brought for a recording: they go with it."""


class Meetings:
    """Made once per server, before `jobs.begin()`. Every function raises NotFound for what the actor may not see.

    A recording is its owner's; a shared one may be read, heard, asked and exported by the whole workspace, and changed
    by its owner alone (NotAllowed).
    """

    def __init__(
        self,
        database: Database,
        *,
        files: Files,
        blobs: Blobs,
        sandbox: Sandbox,
        index: Index,
        jobs: Jobs,
        calls: Calls,
        announce: Announce = unheard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`sandbox` decodes whole recordings: give it minutes, not seconds (about 1 s for 3 minutes of sound)."""
        self._database = database
        self._files = files
        self._blobs = blobs
        self._index = index
        self._jobs = jobs
        self._calls = calls
        self._announce = announce
        self._clock = clock
        self.archive = archive = Archive(database, announce, clock)
        """The recordings themselves: listed, read, renamed, shared; hot words of the workspace."""
        self.transcripts = transcripts = Transcripts(database, archive, clock, self._edited)
        """Segments and speakers: read, searched, corrected."""
        self.live = Live(database, archive=archive, blobs=blobs, calls=calls, finished=self._finished)
        """Captions while people speak."""
        self._sounds = Sounds(database, files=files, blobs=blobs, sandbox=sandbox)
        self._indexing = Indexing(archive=archive, transcripts=transcripts, index=index, calls=calls)
        self._noting = Noting(database, archive=archive, transcripts=transcripts, calls=calls, clock=clock)
        self._asking = Asking(
            archive=archive, transcripts=transcripts, indexing=self._indexing, index=index, calls=calls
        )
        self._translating = Translating(database, archive=archive, transcripts=transcripts, calls=calls)
        self._gallery = Gallery(database, archive=archive, files=files, blobs=blobs, sandbox=sandbox)
        self._digesting = Digesting(archive=archive, transcripts=transcripts, noting=self._noting)
        self._define()
        files.on_erased(self._file_erased)

    def _define(self) -> None:
        transcription = Transcription(
            self._database,
            archive=self.archive,
            sounds=self._sounds,
            calls=self._calls,
            written=self._indexing.write,
            clock=self._clock,
        )
        self._jobs.define("meetings:transcribe", transcription.run)
        self._jobs.define("meetings:notes", self._noting.run)
        self._jobs.define("meetings:translate", self._translating.run)
        self._jobs.define("meetings:slides", self._gallery.run)
        self._jobs.define("meetings:index", self._index_again, light=True)

    async def close(self) -> None:
        """End live captions; what was heard is kept, and the recordings stay open to go on."""
        await self.live.close()

    async def create(self, actor: Actor, wanted: NewRecording, consent: Consent | None, *, file: str = "") -> Recording:
        """A recording. With a `file` (id of an upload) its transcription starts; without, it waits for its sound.

        NotAllowed (`no_consent`) without consent, which goes on record first; NotServing (`skill_missing`) where no
        service transcribes.
        """
        self._calls.route(actor, "", Skill.TRANSCRIPTION)
        if file:
            await self._files.get(actor, file)
        made = await self.archive.create(actor, wanted, consent)
        return await self.attach(actor, made.id, file) if file else made

    async def attach(self, actor: Actor, recording: str, file: str) -> Recording:
        """Give a waiting recording the sound that was recorded and uploaded; its transcription starts."""
        seen = await self.archive.own(actor, recording)
        if seen.state is not State.WAITING:
            raise Conflict("The recording has its sound already.", action="Make another recording.", code="has_sound")
        brought = await self._files.get(actor, file)
        title = seen.title or _stem(brought.name)
        await self.archive.change(recording, file=file, title=title, state=State.TRANSCRIBING)
        await self._jobs.start(actor, "meetings:transcribe", recording)
        return await self.archive.read(actor, recording)

    async def transcribe(self, actor: Actor, recording: str, wanted: NewRecording | None = None) -> Job:
        """Transcribe again, with other languages, speakers or words if given. What was corrected by hand is replaced.

        Conflict while it is being transcribed, and for an upload that was erased.
        """
        seen = await self.archive.own(actor, recording)
        before = await self._jobs.of(recording)
        if seen.state in (State.WAITING, State.LIVE) or (before and not before.state.final):
            raise Conflict("The recording is still being worked on.", action="Wait for it, or cancel it.", code="busy")
        changes = asked(wanted, int(self._clock())) if wanted else {}
        await self.archive.change(recording, **{**changes, "state": State.TRANSCRIBING})
        return await self._jobs.start(actor, "meetings:transcribe", recording)

    async def erase(self, actor: Actor, recording: str) -> None:
        """Everything of it goes: sound, upload, transcript, notes, index, jobs."""
        await self._erase(actor, await self.archive.own(actor, recording))

    async def erase_all(self, person: str, workspace: str = "") -> None:
        """Erase all recordings of a person, in one workspace or everywhere. Their uploads are for `files.erase_all`."""
        wanted = [recordings.c.person_id == person]
        if workspace:
            wanted.append(recordings.c.workspace_id == workspace)
        async with self._database.read() as connection:
            ids = list((await connection.execute(select(recordings.c.id).where(*wanted))).scalars())
        for recording in ids:
            await self._remove(None, recording)

    async def sound(self, actor: Actor, recording: str) -> tuple[int, Callable[[int, int], AsyncIterator[bytes]]]:
        """Size in bytes of the sound (WAV, 16 kHz), and what streams it from a byte up to another (not included)."""
        await self.archive.read(actor, recording)
        blob = await self._sounds.blob(recording)
        size = await self._blobs.size(blob)
        return size, lambda start, end: self._blobs.stream(blob, start, end)

    async def peaks(self, actor: Actor, recording: str) -> bytes:
        """The wave form: one byte (0 to 255) for each of 2,000 stretches of equal length; empty before it was read."""
        await self.archive.read(actor, recording)
        statement = select(recordings.c.peaks).where(recordings.c.id == recording)
        async with self._database.read() as connection:
            return bytes((await connection.execute(statement)).scalar_one())

    async def make_notes(
        self, actor: Actor, recording: str, kinds: Sequence[NoteKind] = (), *, language: str = "", service: str = ""
    ) -> Job:
        """Write notes of these kinds (all, if none are named) in a language ("" = the meeting's): a job.

        BadRequest (`too_short`) below 250 characters of transcript; NotServing where no service answers.
        """
        if unknown := [kind for kind in kinds if kind not in NOTE_KINDS]:
            raise BadRequest(f"`kinds` are {', '.join(NOTE_KINDS)}; got {unknown[0][:20]!r}.", param="kinds")
        _check_language(language)
        self._calls.route(actor, service)
        await self._noting.check(actor, recording)
        arguments = {"kinds": " ".join(kinds or NOTE_KINDS), "language": language, "service": service}
        return await self._jobs.start(actor, "meetings:notes", recording, arguments)

    async def notes(self, actor: Actor, recording: str, *, language: str = "") -> list[Note]:
        """Those that were made, in the order of NOTE_KINDS; of the newest language unless one is named."""
        return await self._noting.read(await self.archive.read(actor, recording), language)

    async def mind_map(self, actor: Actor, recording: str, *, language: str = "") -> str:
        """The mind map as SVG. NotFound before it was made."""
        for note in await self.notes(actor, recording, language=language):
            if note.kind == "mind_map" and note.items:
                return mind_map.drawn(note.items[0])
        raise NotFound("The recording has no mind map yet.", action="Ask for the note `mind_map`.")

    async def ask(self, actor: Actor, question: str, *, recording: str = "", service: str = "") -> Answer:
        """A question to one recording, or to all that the actor may see; answered with the times it comes from."""
        return await self._asking.answer(actor, question, recording, service)

    async def translate(self, actor: Actor, recording: str, language: str, *, service: str = "") -> Job:
        """Translate every segment, for bilingual subtitles: a job. BadRequest for a language not in the list."""
        await self.archive.own(actor, recording)
        self._translating.check(language)
        self._calls.route(actor, service)
        arguments = {"language": language, "service": service}
        return await self._jobs.start(actor, "meetings:translate", recording, arguments)

    async def subtitles(self, actor: Actor, recording: str, language: str) -> list[Subtitle]:
        """Segments with their translation as far as there is one."""
        await self.archive.read(actor, recording)
        return await self._translating.read(recording, language)

    async def find_slides(self, actor: Actor, recording: str) -> Job:
        """Take the slides out of the video: a job. Conflict (`no_video`) without one."""
        seen = await self.archive.own(actor, recording)
        if not seen.video or not seen.file:
            raise Conflict("The recording has no video.", action="Upload a video.", code="no_video")
        return await self._jobs.start(actor, "meetings:slides", recording)

    async def slides(self, actor: Actor, recording: str) -> list[Slide]:
        """In the order of time."""
        return await self._gallery.slides(actor, recording)

    async def slide(self, actor: Actor, recording: str, number: int) -> bytes:
        """A slide as PNG."""
        return await self._gallery.slide(actor, recording, number)

    async def export(
        self,
        actor: Actor,
        recording: str,
        kind: str,
        path: Path,
        *,
        parts: Sequence[str] = (),
        language: str = "",
        bilingual: str = "",
        label: str = "en",
    ) -> str:
        """Write `transcript`, `notes` or both (`parts`) to `path`, and return the file's name.

        `kind`: docx, md, pdf, html, txt, json; srt, vtt (subtitles; `bilingual` names a language that the segments were
        translated into). `language`: the notes'; `label`: `en` or `zh`, the language in which subtitles say what made
        them, for they cannot be sealed.
        """
        seen = await self.archive.read(actor, recording)
        content = exports.Content(
            seen,
            tuple(await self.transcripts.named(recording)),
            tuple(await self.transcripts.all(recording)),
            tuple(await self._noting.read(seen, language)),
            tuple(await self._translating.read(recording, bilingual)) if bilingual else (),
            "zh" if label == "zh" else "en",
        )
        return await exports.export(content, kind, parts, path)

    async def digest(self, actor: Actor, *, since: int = 0, name: str = "", language: str = "en") -> Digest:
        """The meetings since a time that concern the actor: own, and shared ones where `name` speaks or is named."""
        return await self._digesting.digest(actor, since, name, language)

    async def _finished(self, actor: Actor, recording: Recording) -> None:
        await self._jobs.start(actor, "meetings:transcribe", recording.id)

    async def _edited(self, actor: Actor, recording: str) -> None:
        """Index a corrected transcript anew; one job for all corrections until it begins."""
        mine = recordings.c.id == recording, recordings.c.indexed
        async with self._database.write() as connection:
            changed = await connection.execute(update(recordings).where(*mine).values(indexed=False))
        if changed.rowcount:
            await self._jobs.start(actor, "meetings:index", recording)

    async def _index_again(self, work: Work) -> None:
        await work.report(0, 1, "indexing")
        await work.step("index", self._index_step, work)
        await work.report(1, 1, "indexing")

    async def _index_step(self, work: Work) -> int:
        actor = await work.actor()
        await self.archive.own(actor, work.job.subject)
        return await self._indexing.write(actor, work.job.subject)

    async def _erase(self, actor: Actor, seen: Recording) -> None:
        await self._announce("recording:erased", actor, {"recording": seen.id})
        await self._remove(actor, seen.id)
        if seen.file:
            await self._erase_upload(actor, seen.file)

    async def _remove(self, actor: Actor | None, recording: str) -> None:
        """Bytes first, then rows: what a crash leaves over can be erased again."""
        await self.live.drop(recording)
        await self._jobs.forget(recording)
        await self._index.remove(recording)
        await self._sounds.erase(recording)
        await self._gallery.erase(recording)
        if actor is None:
            await self._announce("recording:erased", None, {"recording": recording})
        async with self._database.write() as connection:
            await connection.execute(delete(recordings).where(recordings.c.id == recording))

    async def _erase_upload(self, actor: Actor, file: str) -> None:
        """The upload goes too if it was brought for this."""
        try:
            brought = await self._files.get(actor, file)
        except NotFound:
            return
        if brought.purpose == PURPOSE:
            await self._files.erase(actor, file)

    async def _file_erased(self, file: File) -> None:
        """The recording keeps its own sound; its video is gone."""
        async with self._database.write() as connection:
            await connection.execute(update(recordings).where(recordings.c.file == file.id).values(file=""))


def _stem(name: str) -> str:
    return " ".join(Path(name).stem.split())[:200] or "—"


def _check_language(language: str) -> None:
    if language and not (2 <= len(language) <= 3 and language.isascii() and language.isalpha()):
        raise BadRequest(f"`language` is a code as `zh` or `en`, got {language[:20]!r}.", param="language")
