"""hanlin audit: verify, export and read the record while the server runs; mend and erase while it does not."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from hanlin.audit.anchor import Anchor
from hanlin.audit.check import check
from hanlin.audit.checkpoint import parse_vkey
from hanlin.audit.export import export
from hanlin.audit.log import Log
from hanlin.audit.receipts import make_receipt
from hanlin.audit.store import Reader, open_reader
from hanlin.errors import AuditUnavailable, BadRequest
from hanlin.labels.fingerprint.index import Index
from hanlin.settings import Settings, load
from hanlin.storage import Database, DataFolder


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("audit", help="check, export and mend the tamper-evident record")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    action = actions.add_parser("verify", help="check every entry against the signed checkpoint; works while serving")
    action.set_defaults(run=verify)
    action = actions.add_parser("export", help="write the record as files anyone can check; works while serving")
    action.add_argument("folder", type=Path, help="a new or empty folder")
    action.add_argument("--from", dest="since", type=_day, help="first day of entries, YYYY-MM-DD (UTC)")
    action.add_argument("--to", dest="until", type=_day, help="day after the last one, YYYY-MM-DD (UTC)")
    action.set_defaults(run=write_export)
    action = actions.add_parser("receipt", help="print the proof that a request is in the record; works while serving")
    action.add_argument("request", help="request id, req_...")
    action.add_argument("--tlog-proof", action="store_true", help="in the C2SP tlog-proof format")
    action.set_defaults(run=receipt)
    action = actions.add_parser("gap", help="go on after entries were lost, with the loss on record; server stopped")
    action.add_argument("--reason", required=True, help="what happened; becomes part of the record")
    action.set_defaults(run=gap)
    action = actions.add_parser("erase", help="destroy what ties the record to a person; server stopped")
    action.add_argument("person", help="the person's id, per_...")
    action.add_argument("--basis", required=True, help="legal basis; becomes part of the record")
    action.set_defaults(run=erase)


def _day(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day YYYY-MM-DD") from None


def _reader(settings: Settings) -> Reader:
    return Reader(open_reader(Path(settings.data) / "audit" / "audit.db"))


def verify(args: argparse.Namespace) -> int:  # noqa: ARG001 -- every command takes the parsed arguments
    settings, _ = load()
    reader = _reader(settings)
    copy = Path(settings.checkpoint_copy) if settings.checkpoint_copy else None
    identity = reader.identity()
    held = [] if identity is None else Anchor(Path(settings.data) / "audit", copy).held(parse_vkey(identity[1]))
    try:
        entries = _run(check(reader, held), "checked")
    except AuditUnavailable as error:
        if error.code != "audit_corrupt":
            raise
        print(f"BAD {error}")
        return 1
    print(f"OK {entries} entries agree with the newest checkpoint.")
    return 0


def write_export(args: argparse.Namespace) -> int:
    settings, _ = load()
    entries = _run(export(_reader(settings), args.folder, args.since or 0, args.until), "written")
    print(f"{entries} entries. Check them: python {args.folder / 'verifier.py'} {args.folder}")
    return 0


def _run(steps: Iterator[int], word: str) -> int:
    """Go through the steps; says how far on standard error, at most every 100,000 entries."""
    done = shown = 0
    for done in steps:
        if done - shown >= 100_000:
            shown = done
            print(f"{done} entries {word} ...", file=sys.stderr)
    return done


def receipt(args: argparse.Namespace) -> int:
    settings, _ = load()
    found = make_receipt(_reader(settings), args.request)
    print(found.tlog_proof() if args.tlog_proof else found.json().decode(), end="" if args.tlog_proof else "\n")
    return 0


def gap(args: argparse.Namespace) -> int:
    seq = _with_log(lambda log: log.record_gap(_words(args.reason)))
    print(f"The gap is on record as entry {seq}; the server may start.")
    return 0


def erase(args: argparse.Namespace) -> int:
    seq = _with_log(lambda log: log.erase(args.person, _words(args.basis)))
    found = asyncio.run(_forget(args.person))
    if found:
        print(f"{found} fingerprints of what they made are gone from the index.")
    print("There is nothing to erase." if seq is None else f"Erased; on record as entry {seq}.")
    return 0


async def _forget(person: str) -> int:
    """Take a person's contents out of the fingerprint index; how many there were."""
    settings, _ = load()
    database = await Database.open(settings.database_url or f"sqlite:///{settings.data}/hanlin.db")
    try:
        return await Index(database).erase(person)
    finally:
        await database.close()


def _words(text: str) -> str:
    if not text.strip():
        raise BadRequest("The words that become part of the record are empty.")
    return text.strip()


def _with_log(act: Callable[[Log], Awaitable[int | None]]) -> int | None:
    """Open the record for writing, as the server would. Raises Conflict while one runs."""
    from hanlin.app.folder import master_key, origin  # the wiring imports every room; reading commands need none of it

    settings, _ = load()
    data = Path(settings.data)
    _reader(settings).connection.close()
    folder = DataFolder.open(data)

    async def work() -> int | None:
        log = await Log.open(
            data / "audit",
            origin=origin(settings),
            master_key=master_key(settings, data),
            checkpoint_copy=Path(settings.checkpoint_copy) if settings.checkpoint_copy else None,
        )
        try:
            return await act(log)
        finally:
            await log.close()

    try:
        return asyncio.run(work())
    finally:
        folder.close()
