"""The room's face: translate a text, translate a file, look at it segment by segment, take it along."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from hanlin.accounts import require
from hanlin.assistants.translate import asking, formats, intake, markup, outcome, pieces
from hanlin.assistants.translate.asking import Given, Wanted
from hanlin.assistants.translate.glossaries import Glossaries
from hanlin.assistants.translate.intake import Read
from hanlin.assistants.translate.languages import language, mostly, to_script
from hanlin.assistants.translate.memory import Memory
from hanlin.assistants.translate.outcome import Paper
from hanlin.assistants.translate.records import Filter, Order, Origin, Segment, Suggestion, Translated, Translation
from hanlin.assistants.translate.rows import Draft, Rows
from hanlin.assistants.translate.terminology import Matcher
from hanlin.errors import BadRequest, Conflict
from hanlin.files import File, Files
from hanlin.jobs import Job, Jobs, Work
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.types import Actor, Permission

KIND = "translate:file"
"""Of the jobs."""
TEXT_CHARACTERS = 20_000
BATCH = 8
"""Segments of one step of a job: so many are asked for again when the server is killed."""
CHINESE = frozenset({"zh", "zh-Hant"})


class Translations:
    """Made once per server. A translation is its maker's alone; glossaries and the memory may be a workspace's."""

    def __init__(
        self,
        database: Database,
        *,
        files: Files,
        sandbox: Sandbox,
        jobs: Jobs,
        calls: Calls,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.glossaries = Glossaries(database, sandbox, clock)
        self.memory = Memory(database, clock)
        self._rows = Rows(database, clock)
        self._files = files
        self._sandbox = sandbox
        self._jobs = jobs
        self._calls = calls
        jobs.define(KIND, self._work)
        files.on_erased(self._file_erased)

    async def text(self, actor: Actor, text: str, order: Order) -> Translated:
        """Translate at most 20,000 characters now. BadRequest for an unknown language or an empty or longer text."""
        async with aclosing(self.stream(actor, text, order, drafts=False)) as stream:
            async for translated in stream:
                last = translated
        return last

    async def stream(self, actor: Actor, text: str, order: Order, *, drafts: bool = True) -> AsyncGenerator[Translated]:
        """As `text`, while it is written: `done` is false, and its last segment unchecked, until the last one.

        `drafts` false: only what is checked is given, a segment more each time.
        """
        order = await self._checked(actor, order)
        lines = pieces.lines(_within(text, "text"))
        found = await intake.drafts([Read("", line) for line, _ in lines], order.source, order.target)
        wanted = await self._wanted(actor, order)
        whole = Pages([breaks for _, breaks in lines], found, order)
        for number, draft in enumerate(found, 1):
            segment = whole.begun(number)
            own = replace(wanted, source=draft.language)
            async with aclosing(self._given(actor, draft, own, order, drafts)) as stream:
                async for given, origin in stream:
                    yield whole.put(segment, given, origin)
        yield whole.ended()

    async def start(self, actor: Actor, file_id: str, order: Order) -> Translation:
        """Translate a file of the actor's in a job (`translate:file`, its subject is the translation's id).

        BadFile for a kind that is not translated here; NotFound for no file of the actor's.
        """
        order = await self._checked(actor, order)
        file = await self._files.get(actor, file_id)
        kind = formats.kind_of(file.name, file.media_type)
        await self._wanted(actor, order)
        self._calls.route(actor, order.service)
        translation = await self._rows.create(actor, file, kind, order)
        await self._jobs.start(actor, KIND, translation.id)
        return translation

    async def recent(self, actor: Actor) -> list[Translation]:
        """The actor's translations, newest first, at most 200."""
        require(actor, Permission.GENERATE)
        return await self._rows.recent(actor)

    async def get(self, actor: Actor, translation_id: str) -> Translation:
        require(actor, Permission.GENERATE)
        return await self._rows.get(actor, translation_id)

    async def job(self, actor: Actor, translation_id: str) -> Job | None:
        """How far it is; cancel and retry it at `jobs`."""
        await self.get(actor, translation_id)
        return await self._jobs.of(translation_id)

    async def erase(self, actor: Actor, translation_id: str) -> None:
        """Delete a translation with its segments, and end its job. The file stays."""
        await self.get(actor, translation_id)
        await self._jobs.forget(translation_id)
        await self._rows.erase(actor, translation_id)

    async def segments(
        self, actor: Actor, translation_id: str, *, which: Filter = Filter.ALL, after: int = 0, limit: int = 50
    ) -> list[Segment]:
        """Segments whose number is above `after`, in order, at most `limit` (1 to 200)."""
        require(actor, Permission.GENERATE)
        return await self._rows.page(actor, translation_id, which=which, after=after, limit=max(1, min(200, limit)))

    async def set(self, actor: Actor, translation_id: str, number: int, text: str) -> Segment:
        """A person's own wording: checked (its flags say what is odd), remembered when nothing is, not yet approved.

        BadRequest when a marker of the source is missing or doubled, for the file could not be built then.
        """
        translation = await self.get(actor, translation_id)
        segment = await self._rows.segment(actor, translation_id, number)
        wording = _within(text.replace("\0", ""), "text")
        if not markup.intact(segment.source, wording):
            raise BadRequest(
                f"The markers of the source ({', '.join(markup.MARK.findall(segment.source)) or 'none'}) must stand in "
                "the translation, each once.",
                action="Put them where they belong.",
                code="markers_lost",
                param="text",
            )
        wanted = await self._wanted(actor, _order(translation))
        flags = asking.check(segment.source, wording, wanted)
        await self._rows.save(translation_id, number, Given(wording, flags), Origin.PERSON)
        if not flags:
            await self._learn(actor, translation, segment, wording)
        return await self._rows.segment(actor, translation_id, number)

    async def approve(self, actor: Actor, translation_id: str, number: int) -> Segment:
        """Take a segment as it stands: its flags go, and the workspace's memory learns it. Conflict while empty."""
        translation = await self.get(actor, translation_id)
        segment = await self._rows.segment(actor, translation_id, number)
        if not segment.target.strip():
            raise Conflict("Nothing stands for this segment yet.", action="Write or retry it first.")
        given = Given(segment.target, (), segment.service, segment.request_id)
        await self._rows.save(translation_id, number, given, Origin.PERSON, approved=True)
        if segment.origin is not Origin.COPY:
            await self._learn(actor, translation, segment, segment.target)
        return await self._rows.segment(actor, translation_id, number)

    async def retry(self, actor: Actor, translation_id: str, number: int, *, service: str = "") -> Segment:
        """Ask again for one segment, of another service if given; replaces whatever stood there."""
        translation = await self.get(actor, translation_id)
        segment = await self._rows.segment(actor, translation_id, number)
        order = replace(_order(translation), service=service or translation.service)
        wanted = replace(await self._wanted(actor, order), source=segment.language)
        again = segment.origin is Origin.MODEL and service in ("", segment.service)
        given = await asking.translate(self._calls, actor, segment.source, wanted, again=again)
        await self._rows.reopen(translation_id, number)
        await self._rows.save(translation_id, number, given, Origin.MODEL)
        return await self._rows.segment(actor, translation_id, number)

    async def suggestions(self, actor: Actor, translation_id: str, number: int) -> list[Suggestion]:
        """What the memory has that is like this segment, the likest first, at most 3."""
        translation = await self.get(actor, translation_id)
        segment = await self._rows.segment(actor, translation_id, number)
        return await self.memory.near(actor, segment.source, translation.target)

    async def answered_by(self, actor: Actor, translation_id: str) -> str:
        """The service that answered most segments, for the label; the one that would answer when none has."""
        translation = await self.get(actor, translation_id)
        known = await self._rows.services(translation_id)
        return known or self._calls.route(actor, translation.service).service.name

    @asynccontextmanager
    async def exported(
        self, actor: Actor, translation_id: str, *, bilingual: bool = False, paper: Paper = "docx"
    ) -> AsyncIterator[tuple[Path, str]]:
        """The finished file and its name, rebuilt from the segments; gone when the context ends.

        What cannot be patched (a PDF) leaves as `paper` with both languages, and so does any file with `bilingual`;
        but subtitles stay subtitles. Where nothing usable stands for a segment, the source's words stay. The caller
        seals it, for it leaves. Conflict before the file was read.
        """
        translation = await self.get(actor, translation_id)
        if not translation.read:
            raise Conflict("The file has not been read yet.", action="Wait until its translation has begun.")
        rows = await self._rows.all(actor, translation_id)
        name = outcome.name_of(translation, bilingual=bilingual, paper=paper)
        with tempfile.TemporaryDirectory(prefix="hanlin-") as folder:
            path = Path(folder) / f"translated.{name.rpartition('.')[2][:10]}"
            if outcome.is_anew(translation, bilingual=bilingual):
                await outcome.write(path, paper, translation, rows)
            else:
                only = [segment for segment, _ in rows]
                async with self._files.local(actor, translation.file) as original:
                    await outcome.patch(self._sandbox, original, path, translation.kind, only, bilingual=bilingual)
            yield path, name

    async def _work(self, work: Work) -> None:
        """The job: read the file once, then so many segments a step."""
        actor, translation_id = await work.actor(), work.job.subject
        await work.report(0, 0, "reading")
        total = await work.step("read", lambda: self._read(actor, translation_id))
        for first in range(1, total + 1, BATCH):
            await work.report(first - 1, total, "translating")
            actor = await work.actor()
            last = min(total, first + BATCH - 1)
            await work.step(
                f"segments {first}", lambda who=actor, a=first, b=last: self._batch(who, translation_id, a, b)
            )
        await work.report(total, total, "translating")

    async def _read(self, actor: Actor, translation_id: str) -> int:
        """Put down the segments of the file; how many."""
        translation = await self._rows.get(actor, translation_id)
        async with self._files.local(actor, translation.file) as path:
            if translation.kind in formats.KINDS:
                found = await intake.read_patched(self._sandbox, path, translation.kind)
            else:
                found = await intake.read_anew(self._sandbox, self._calls, actor, path, translation.name)
        await self._rows.fill(translation_id, await intake.drafts(found, translation.source, translation.target))
        return len(found)

    async def _batch(self, actor: Actor, translation_id: str, first: int, last: int) -> int:
        """Translate what is still open of a range; how many that were."""
        translation = await self._rows.get(actor, translation_id)
        order = _order(translation)
        wanted = await self._wanted(actor, order)
        pending = await self._rows.pending(translation_id, first, last)
        for segment in pending:
            if target := await self._rows.repeated(translation_id, segment.source):
                await self._rows.save(translation_id, segment.number, Given(target, ()), Origin.REPEAT)
                continue
            draft = Draft(segment.source, segment.language)
            own = replace(wanted, source=segment.language)
            async for given, origin in self._given(actor, draft, own, order, drafts=False):
                await self._rows.save(translation_id, segment.number, given, origin)
        return len(pending)

    async def _given(
        self, actor: Actor, draft: Draft, wanted: Wanted, order: Order, drafts: bool
    ) -> AsyncGenerator[tuple[Given, Origin]]:
        """What stands for a segment, from the cheapest source that has it; with `drafts` first what is not checked."""
        if draft.copied:
            yield Given(draft.source, ()), Origin.COPY
        elif order.use_memory and (known := await self.memory.exact(actor, draft.source, order.target)):
            yield Given(known, asking.check(draft.source, known, wanted)), Origin.MEMORY
        elif {draft.language, order.target} == CHINESE:
            yield Given(to_script(draft.source, order.target), ()), Origin.COPY
        elif not drafts or len(draft.source) > pieces.PIECE_CHARACTERS:
            yield await asking.translate(self._calls, actor, draft.source, wanted), Origin.MODEL
        else:
            async with aclosing(asking.stream(self._calls, actor, draft.source, wanted)) as written:
                async for given in written:
                    last = given
                    yield given, Origin.NONE
            yield await asking.translate(self._calls, actor, draft.source, wanted, first=last), Origin.MODEL

    async def _learn(self, actor: Actor, translation: Translation, segment: Segment, target: str) -> None:
        if translation.use_memory:
            await self.memory.learn(actor, segment.source, target, (segment.language, translation.target))

    async def _checked(self, actor: Actor, order: Order) -> Order:
        """The order with its languages as they are called here."""
        require(actor, Permission.GENERATE)
        target = language(order.target, "target").code
        source = language(order.source, "source").code if order.source else ""
        if source == target:
            raise BadRequest("Source and target are the same language.", param="target", code="same_language")
        return replace(order, source=source, target=target)

    async def _wanted(self, actor: Actor, order: Order) -> Wanted:
        terms = await self.glossaries.usable(actor, order.glossaries, order.source, order.target)
        return Wanted(order.source, order.target, order.service, Matcher(terms))

    async def _file_erased(self, file: File) -> None:
        found = await self._rows.of_file(file.id)
        for translation_id in found:
            await self._jobs.forget(translation_id)
        await self._rows.erase_all(found)


class Pages:
    """A text's translation as it grows."""

    def __init__(self, breaks: list[str], drafts: list[Draft], order: Order) -> None:
        self._breaks = breaks
        self._drafts = drafts
        self._source = order.source or mostly(draft.language for draft in drafts)
        self._target = order.target
        self._segments: list[Segment] = []

    def begun(self, number: int) -> Segment:
        draft = self._drafts[number - 1]
        return Segment(number=number, source=draft.source, language=draft.language)

    def put(self, segment: Segment, given: Given, origin: Origin) -> Translated:
        """The text so far, with what was given for a segment as its last."""
        made = replace(
            segment,
            target=given.target,
            flags=given.flags,
            origin=origin,
            service=given.service,
            request_id=given.request_id,
        )
        self._segments[segment.number - 1 :] = [made]
        return self._whole(done=False)

    def ended(self) -> Translated:
        return self._whole(done=True)

    def _whole(self, *, done: bool) -> Translated:
        text = "".join(
            segment.target + line_end for segment, line_end in zip(self._segments, self._breaks, strict=False)
        )
        worded = tuple(segment for segment in self._segments if segment.source.strip())
        return Translated(text, self._source, self._target, worded, done)


def _within(text: str, param: str) -> str:
    if not text.strip() or len(text) > TEXT_CHARACTERS:
        raise BadRequest(
            f"A text has 1 to {TEXT_CHARACTERS:,} characters, got {len(text):,}.",
            action="Send it in parts, or as a file.",
            param=param,
        )
    return text


def _order(translation: Translation) -> Order:
    return Order(
        target=translation.target,
        source=translation.source,
        service=translation.service,
        glossaries=translation.glossaries,
        use_memory=translation.use_memory,
    )
