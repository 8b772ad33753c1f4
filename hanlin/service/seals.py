"""Files that leave are sealed, and any seal can be checked: the labels room tied to record, register and index."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hanlin.audit import Event, Log
from hanlin.errors import Conflict, NotAllowed, NotFound
from hanlin.labels import (
    Evidence,
    Imprint,
    Inspection,
    Labeller,
    Order,
    Print,
    Sealed,
    SourceType,
    Trust,
    inspect_file,
    judge,
    propagated,
    seal_file,
    text_prints,
)
from hanlin.labels.fingerprint.index import Entry, Index, Kind, Match
from hanlin.labels.formats.format import Modality
from hanlin.labels.unlabelled import Agreements
from hanlin.sandbox import Sandbox
from hanlin.service.provenance import Marked, Origin, Provenance
from hanlin.types import Actor, Label, Route, new_id


class Wish(Struct, frozen=True):
    """What somebody wants on a file."""

    source: SourceType = SourceType.GENERATED
    language: str = "en"
    explicit: bool = True
    watermark: bool = True
    recipient: str = ""
    """Who receives a file without explicit label (Measures, Article 9); kept six months."""


class Signing(Struct, frozen=True):
    """With what files are signed."""

    keys: str
    operator: str
    security: str
    time_stamp_url: str = ""
    spoken: str = ""
    """Path of a wave file that says the audible label."""


_KINDS: dict[Modality, Kind] = {
    Modality.PICTURE: "picture",
    Modality.SOUND: "sound",
    Modality.VIDEO: "picture",
    Modality.TEXT: "text",
}
"""Under which kind the index keeps the number of a content that has no fingerprint."""


class Made(Struct, frozen=True):
    """What the index keeps of one content, besides its fingerprints."""

    actor: Actor
    number: str
    request_id: str
    media_type: str
    watermark: int | None = None

    def entry(self, one: Print) -> Entry:
        return Entry(
            produce_id=self.number,
            request_id=self.request_id,
            workspace=self.actor.workspace,
            person=self.actor.person,
            kind=one.kind,
            keys=one.keys,
            value=one.value,
            watermark=self.watermark,
            media_type=self.media_type,
            made_at=int(time.time()),
        )


class Seals:
    """Made once per server."""

    def __init__(
        self,
        *,
        record: Log,
        index: Index,
        agreements: Agreements,
        labeller: Labeller,
        marking: Sandbox,
        checking: Sandbox,
        signing: Signing,
        trust: Trust,
        folder: Path,
        upload_bytes: int,
        model_of_code: Callable[[str], str],
    ) -> None:
        self._record = record
        self._index = index
        self._agreements = agreements
        self._labeller = labeller
        self._marking = marking
        self._checking = checking
        self._signing = signing
        self._trust = trust
        self.folder = folder
        """Where files lie while they are worked on."""
        self.upload_bytes = upload_bytes
        """Largest file that is taken in."""
        self._model_of_code = model_of_code

    @asynccontextmanager
    async def sealed(
        self, actor: Actor, route: Route, path: Path, name: str, wish: Wish
    ) -> AsyncIterator[tuple[Path, Sealed]]:
        """The file with every mark its kind can carry, on record and in the index; gone when the context ends.

        Raises BadFile for what cannot be marked, NotAllowed for a file without explicit label when Article 9 does not
        apply.
        """
        if not wish.explicit and not await self._agreements.may(actor):
            raise NotAllowed(
                "A file without explicit label is handed out only under a recorded agreement (Measures, Article 9).",
                action="An owner of the workspace records it, where the operator allows it.",
                code="no_agreement",
            )
        number = new_id("lbl").removeprefix("lbl_")
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            target = Path(place) / "sealed"
            order = self._order(route, number, wish)
            sealed = await self._marking.run(seal_file, str(path), str(target), name, order)
            await self._note(actor, route, sealed, wish)
            yield target, sealed

    async def sealed_text(self, actor: Actor, route: Route, text: str, name: str, wish: Wish) -> bytes:
        """As `sealed`, for a text that an assistant makes into a file."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            path = Path(place) / "text"
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
            async with self.sealed(actor, route, path, name, wish) as (target, _):
                return await asyncio.to_thread(target.read_bytes)

    @asynccontextmanager
    async def propagated(
        self, actor: Actor, path: Path, name: str, *, declared: bool
    ) -> AsyncIterator[tuple[Path, Provenance, Label | None]]:
        """An upload as a platform passes it on: what was found, and the file with the propagator's fields in its label.

        Where nothing was found the file is as it came, and there is no label.
        """
        seen = await self.check(actor, path, name, declared=declared)
        number = new_id("lbl").removeprefix("lbl_")
        first = seen.labels[0].label if seen.labels else None
        label = propagated(first, seen.finding, self._labeller.propagator(), number)
        if label is None:
            yield path, seen, None
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            target = Path(place) / "passed-on"
            signed = self._signed(Imprint(label, source=None))
            order = replace(signed, explicit=False, watermark=False, security="", parent=str(path))
            sealed = await self._marking.run(seal_file, str(path), str(target), name, order)
            facts: dict[str, str | int] = {"format": sealed.format, "finding": seen.finding.value, "number": number}
            await self._record.record(Event.LABEL_PROPAGATED, actor, facts)
            yield target, seen, label

    async def check(self, actor: Actor | None, path: Path, name: str, *, declared: bool = False) -> Provenance:
        """Everything that can be said of a file to this actor, or to anybody. Raises BadFile for what cannot be read.

        Whoever is not of the workspace that made a content learns that it was made here, and when, and no more.
        """
        seen = await self._checking.run(inspect_file, str(path), name, self._trust)
        return await self._judged(actor, seen, declared)

    async def check_text(self, actor: Actor | None, text: str, *, declared: bool = False) -> Provenance:
        """As `check`, for a text that was pasted."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            path = Path(place) / "text"
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
            return await self.check(actor, path, "", declared=declared)

    async def remember(self, request_id: str, actor: Actor, text: str) -> None:
        """Put an answer into the index, so that it is found again without its label."""
        prints = await asyncio.to_thread(text_prints, text)
        made = Made(actor, request_id.partition("_")[2], request_id, "text/plain")
        await self._index.add_all([made.entry(one) for one in prints])

    def _order(self, route: Route, number: str, wish: Wish) -> Order:
        label = replace(self._labeller.aigc(route, number), produce_id=number, propagate_id=number)
        imprint = Imprint(label, wish.source, route.model.name, route.model.version)
        order = self._signed(imprint)
        return replace(order, language=wish.language, explicit=wish.explicit, watermark=wish.watermark)

    def _signed(self, imprint: Imprint) -> Order:
        signing = self._signing
        return Order(
            imprint,
            security=signing.security,
            keys=signing.keys,
            operator=signing.operator,
            time_stamp_url=signing.time_stamp_url,
            spoken=signing.spoken,
        )

    async def _note(self, actor: Actor, route: Route, sealed: Sealed, wish: Wish) -> None:
        number = sealed.label.produce_id
        facts: dict[str, str | int] = {
            "format": sealed.format,
            "layers": " ".join(sealed.layers),
            "model": route.model.name,
            "number": number,
        }
        await self._record.record(Event.LABEL_WRITTEN, actor, facts)
        if not wish.explicit:
            await self._agreements.handed_out(actor, number, wish.recipient, sealed.media_type)
        made = Made(actor, number, "", sealed.media_type, sealed.watermark)
        kind = _KINDS[sealed.modality]
        await self._index.add_all([made.entry(one) for one in sealed.prints or (Print(kind),)])

    async def _judged(self, actor: Actor | None, seen: Inspection, declared: bool) -> Provenance:
        labels = tuple(self._marked(seen, place) for place in range(len(seen.labels)))
        origin = await self._origin(actor, seen, labels)
        found_by = origin.found_by if origin else ""
        credential = seen.credential
        evidence = Evidence(
            labels=tuple(one.label.label for one in labels),
            credential=credential.state != "invalid" if credential and credential.says_ai else None,
            metadata=bool(seen.iptc_source),
            watermark=seen.watermark is not None,
            fingerprint=found_by == "fingerprint",
            explicit=bool(seen.explicit),
        )
        return Provenance(
            judge(evidence, declared=declared),
            techniques(evidence, declared=declared),
            labels,
            credential,
            seen.iptc_source,
            seen.watermark.technique if seen.watermark else "",
            seen.watermark.score if seen.watermark else 0.0,
            seen.explicit,
            origin,
            seen.name,
            seen.format,
            seen.modality,
            seen.media_type,
            seen.size_bytes,
            seen.unreadable,
        )

    def _marked(self, seen: Inspection, place: int) -> Marked:
        found, security = seen.labels[place], seen.security[place]
        ours = self._labeller.is_ours(found.label.content_producer)
        model = self._model_of_code(found.label.content_producer[-4:]) if ours else ""
        return Marked(found.place, found.label, tuple(found.faults), security, ours, model)

    async def _origin(self, actor: Actor | None, seen: Inspection, labels: tuple[Marked, ...]) -> Origin | None:
        """The strongest way that leads to something this server made: number, watermark, fingerprint."""
        for marked in labels:
            if marked.operator and (origin := await self._by_number(marked.label.produce_id)):
                return origin
        if seen.watermark and (match := await self._index.by_watermark(seen.watermark.payload)):
            return _told(actor, match, await self._known(match, "watermark"))
        for one in seen.prints:
            if matches := await self._index.find(one.kind, one.asked_keys, one.asked):
                return _told(actor, matches[0], await self._known(matches[0], "fingerprint"))
        return None

    async def _by_number(self, number: str) -> Origin | None:
        match = await self._index.by_number(number)
        if match is not None:
            return await self._known(match, "label")
        receipt = await self._receipt(f"req_{number}")
        return Origin(number, "label", 1.0, 0.0, receipt, recorded=True) if receipt else None

    async def _known(self, match: Match, found_by: str) -> Origin:
        receipt = await self._receipt(match.request_id) if match.request_id else ""
        recorded = bool(receipt) or not match.request_id
        return Origin(match.produce_id, found_by, match.similarity, match.made_at, receipt, recorded)

    async def _receipt(self, request_id: str) -> str:
        try:
            await self._record.receipt(request_id)
        except NotFound:
            return ""
        except Conflict:
            pass  # on record, and not yet under a checkpoint
        return f"/receipts/{request_id}"


def _told(actor: Actor | None, match: Match, origin: Origin) -> Origin:
    """What this actor may know of a content that was found by what it looks like: its number is for its workspace."""
    if actor is not None and (actor.administrator or actor.workspace == match.workspace):
        return origin
    return replace(origin, number="", receipt="")


def techniques(evidence: Evidence, *, declared: bool) -> tuple[str, ...]:
    """Names of what says that a model took part."""
    said = {
        "label": bool(evidence.labels),
        "credential": evidence.credential is not None,
        "metadata": evidence.metadata,
        "watermark": evidence.watermark,
        "fingerprint": evidence.fingerprint,
        "explicit": evidence.explicit,
        "declaration": declared,
    }
    return tuple(name for name, holds in said.items() if holds)
