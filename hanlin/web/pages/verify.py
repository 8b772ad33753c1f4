"""The public page: is this made by AI, who says so, does the seal hold, and was it made here? Needs no account."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import SimpleNamespace

from litestar import Response, get, post

from hanlin.accounts import Throttle, network
from hanlin.errors import BadRequest, HanlinError, TooMany
from hanlin.service import Marked, Provenance
from hanlin.storage import receive
from hanlin.web.frame import Frame
from hanlin.web.respond import explain, page
from hanlin.web.visit import EVERYONE, Admitted, Visit

CHECKS_FREE = 30
"""Checks of one address that cost nothing; then each waits twice as long as the last, up to a minute."""
TEXT_CHARACTERS = 20_000
_throttle = Throttle(free=CHECKS_FREE)


@dataclass(frozen=True, slots=True)
class Row:
    """One technique and what it says."""

    name: str
    state: str
    """`good`: it says so and holds; `bad`: it says so and does not hold; `none`: it says nothing."""
    said: str
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VerifyContext:
    """Variables of verify.html."""

    frame: Frame
    limit_mib: int
    problem: str = ""
    finding: str = ""
    name: str = ""
    here: str = ""
    """When this server made it, as a sentence; "" when it is not known here."""
    receipt: str = ""
    """Address of the receipt, for those who may open it."""
    rows: Sequence[Row] = ()


@get("/verify", opt=EVERYONE)
async def verify_page(visit: Admitted) -> Response[str]:
    return page(visit, "verify.html", VerifyContext(visit.frame(), _limit(visit)))


@post("/verify", opt={**EVERYONE, "upload": True}, status_code=200, request_max_body_size=None)
async def verify(visit: Admitted) -> Response[str]:
    """Check the file or the text of the form."""
    try:
        _slow_down(visit)
        seen = await _check(visit)
    except HanlinError as error:
        problem = explain(visit.words, error.code, error.message, error.action)
        return page(visit, "verify.html", VerifyContext(visit.frame(), _limit(visit), problem), status=error.status)
    return page(visit, "verify.html", _context(visit, seen))


async def _check(visit: Visit) -> Provenance:
    rooms, request = visit.rooms, visit.request
    kind = request.headers.get("content-type", "")
    async with AsyncExitStack() as stack:
        form = receive(request.stream(), kind, rooms.seals.folder, limit_bytes=rooms.seals.upload_bytes, required=False)
        upload = await stack.enter_async_context(form)
        if upload.size_bytes:
            return await rooms.seals.check(visit.signed_in, upload.path, upload.name)
        text = upload.fields.get("text", "").strip()
        if not text:
            raise BadRequest("There is no file and no text.", action="Choose one.", code="nothing_to_check")
        return await rooms.seals.check_text(visit.signed_in, text[:TEXT_CHARACTERS])


def _slow_down(visit: Visit) -> None:
    client = visit.request.client
    address = network(client.host if client else "")
    try:
        _throttle.check(address)
    except TooMany as error:
        raise TooMany(
            "Too many checks from this address.",
            retry_after_seconds=error.retry_after_seconds,
            action="Wait a minute, then try again.",
            code="too_many_checks",
        ) from None
    _throttle.fail(address)


def _limit(visit: Visit) -> int:
    return visit.rooms.seals.upload_bytes // (1024 * 1024)


def _context(visit: Visit, seen: Provenance) -> VerifyContext:
    words, origin = visit.words.verify, seen.origin
    here = receipt = ""
    if origin is not None:
        when = visit.when(origin.made_at) if origin.made_at else ""
        here = words.here_when.format(when=when) if when else words.here_text
        receipt = origin.receipt if visit.signed_in else ""
    return VerifyContext(
        visit.frame(), _limit(visit), "", seen.finding.value, seen.name, here, receipt, rows(words, seen)
    )


def rows(words: SimpleNamespace, seen: Provenance) -> list[Row]:
    """What each technique says, in the words of a language."""
    found = [_label(words, marked, len(seen.labels)) for marked in seen.labels[:5]]
    return [
        *(found or [Row(words.label, "none", words.label_none)]),
        _credential(words, seen),
        _watermark(words, seen),
        *_others(words, seen),
        _record(words, seen),
    ]


def _label(words: SimpleNamespace, marked: Marked, count: int) -> Row:
    label, faults = marked.label, marked.faults
    who = marked.label.content_producer or label.content_propagator or words.unnamed
    said = words.label_says.format(value=getattr(words, f"value_{label.label}", words.value_other), who=who)
    details = [f"{words.place}: {marked.place}", f"{words.number}: {label.produce_id or words.unnamed}"]
    if marked.operator:
        details.append(words.label_ours)
    if marked.model:
        details.append(f"{words.model}: {marked.model}")
    if marked.security is not None:
        details.append(getattr(words, f"security_{marked.security.integrity}"))
    details += [getattr(words.fault, fault) for fault in faults]
    broken = marked.security is not None and marked.security.integrity == "broken"
    return Row(words.label, "bad" if broken or count > 1 else "good", said, details)


def _credential(words: SimpleNamespace, seen: Provenance) -> Row:
    credential = seen.credential
    if credential is None:
        said = words.credential_none if seen.modality != "text" else words.credential_text
        return Row(words.credential, "none", said)
    said = words.credential_says.format(who=credential.issuer or words.unnamed)
    state = getattr(words, f"credential_{credential.state}")
    details = [state, words.credential_ai if credential.says_ai else words.credential_no_ai]
    if credential.agent:
        details.append(f"{words.model}: {credential.agent}")
    if credential.signed_at:
        details.append(f"{words.signed}: {credential.signed_at:%Y-%m-%d %H:%M} UTC")
    return Row(words.credential, "bad" if credential.state == "invalid" else "good", said, details)


def _watermark(words: SimpleNamespace, seen: Provenance) -> Row:
    if seen.watermark:
        return Row(words.watermark, "good", words.watermark_found.format(technique=seen.watermark))
    carries = seen.modality in ("picture", "sound")
    return Row(words.watermark, "none", words.watermark_none if carries else words.watermark_text)


def _others(words: SimpleNamespace, seen: Provenance) -> list[Row]:
    found = []
    if seen.iptc_source:
        found.append(Row(words.metadata, "good", words.metadata_says.format(source=seen.iptc_source)))
    if seen.explicit is not None:
        said = words.explicit_found if seen.explicit else words.explicit_none
        found.append(Row(words.explicit, "good" if seen.explicit else "none", said))
    if seen.unreadable:
        found.append(Row(words.content, "bad", words.unreadable))
    return found


def _record(words: SimpleNamespace, seen: Provenance) -> Row:
    origin = seen.origin
    if origin is None:
        claimed = any(marked.operator for marked in seen.labels)
        if claimed and _signed_here(seen):
            return Row(words.record, "none", words.record_elsewhere)
        return Row(words.record, "bad" if claimed else "none", words.record_missing if claimed else words.record_none)
    way = getattr(words, f"by_{origin.found_by}").format(percent=f"{origin.similarity * 100:.0f}")
    details = [f"{words.number}: {origin.number}"] if origin.number else []
    if origin.receipt:
        details.append(words.receipt_holds)
    return Row(words.record, "good" if origin.recorded else "bad", way, details)


def _signed_here(seen: Provenance) -> bool:
    """Whether the operator's own key stands behind a label that is not on record, as after `hanlin label`."""
    return any(
        marked.security is not None and marked.security.holds and marked.security.pinned for marked in seen.labels
    )


HANDLERS = [verify_page, verify]
