"""The record: entries for auditors, receipts for everyone who got an answer."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.api.platform.rooms import Rooms
from hanlin.audit import Receipt, unknown_request
from hanlin.types import Actor, Permission


class RecordEntry(Struct, frozen=True):
    """`leaf` is the entry as it is hashed, one of three forms told apart by `event`."""

    seq: int
    leaf: dict[str, Any]


class RecordPage(Struct, frozen=True):
    """`before` asks for the next page; null at the beginning of the record."""

    entries: tuple[RecordEntry, ...]
    before: int | None


@get("/receipts/{request_id:str}", opt=allow(None))
async def get_receipt(rooms: House, actor: Caller, request_id: FromPath[str]) -> Receipt:
    """The proof that an answer of this workspace is in the record; verify it offline with `hanlin audit verify`."""
    return await find_receipt(rooms, actor, request_id)


async def find_receipt(rooms: Rooms, actor: Actor, request_id: str) -> Receipt:
    """Raises the same NotFound for a receipt of another workspace as for one that never was."""
    receipt = await rooms.log.receipt(request_id)
    workspace = msgspec.json.decode(receipt.intent.leaf)["workspace"]
    if workspace != actor.workspace and not actor.administrator:
        raise unknown_request(request_id)
    return receipt


@get("/record", opt=allow(Permission.READ_AUDIT))
async def list_entries(
    rooms: House,
    actor: Caller,
    before: Annotated[
        int | None, QueryParameter(ge=0, le=2**53, description="Entries below this number; newest first.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> RecordPage:
    """Entries of the workspace, newest first; for an administrator all. No entry holds content or a name."""
    workspace = None if actor.administrator else actor.workspace
    page = await rooms.log.entries(workspace=workspace, before=before, limit=limit)
    entries = tuple(RecordEntry(entry.seq, msgspec.to_builtins(entry.leaf)) for entry in page.entries)
    return RecordPage(entries, page.before)


router = Router(path="/", tags=["record"], route_handlers=[get_receipt, list_entries])
