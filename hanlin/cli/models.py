"""hanlin models: which weights there are; fetch, import, verify, remove them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Column, Table

from hanlin import catalog
from hanlin.catalog import Progress, Report, Store
from hanlin.settings import Settings, load

PLAIN_STEP_PERCENT = 10


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("models", help="weights: list, pull, import, verify, remove")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = _action(actions, "list", _list, "what is known, and whether it is in the store")
    listing.add_argument("--json", action="store_true", help="as JSON")
    pulling = _action(actions, "pull", _pull, "fetch weights from the first mirror that serves the right bytes")
    pulling.add_argument("names", nargs="*", metavar="NAME", help="default: the model of the settings")
    pulling.add_argument("--offline", action="store_true", help="fetch nothing; say which file to put where")
    importing = _action(
        actions, "import", _import, "copy weights into the store: a GGUF or safetensors file, a CTranslate2 folder"
    )
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--name", default="", help="default: made from the file's name")
    importing.add_argument("--licence", default="unknown", help="SPDX identifier, such as Apache-2.0")
    verifying = _action(actions, "verify", _verify, "read every byte again; corrupted files go to quarantine")
    verifying.add_argument("name", nargs="?", default="", metavar="NAME", help="default: everything")
    removing = _action(actions, "remove", _remove, "delete weights from the store")
    removing.add_argument("name", metavar="NAME")


def pull_with_progress(name: str, settings: Settings) -> Path:
    """The named weights' file in the store, fetched with progress on standard error if need be."""
    store = Store(settings.weights_folder)
    weights = store.find(name)
    try:
        with _progress(f"Fetching {name}") as report:
            return asyncio.run(catalog.pull(store, weights, report=report, offline=settings.offline))
    except KeyboardInterrupt:
        print("\nStopped. What came is kept: the same command goes on from there.", file=sys.stderr)
        raise


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--weights", metavar="FOLDER", help="the weight store; default: as in the settings")
    parser.set_defaults(run=run)
    return parser


def _settings(args: argparse.Namespace) -> Settings:
    settings, _ = load()
    return msgspec.structs.replace(settings, weights=args.weights) if args.weights else settings


def _store(args: argparse.Namespace) -> Store:
    return Store(_settings(args).weights_folder)


def _list(args: argparse.Namespace) -> int:
    store = _store(args)
    rows = [(entry, store.state(entry)) for entry in store.entries()]
    if args.json:
        shown = [{**msgspec.to_builtins(entry), "state": state.value} for entry, state in rows]
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return 0
    table = Table(Column("name", no_wrap=True), "publisher", "licence", "size", "state", box=None, pad_edge=False)
    for entry, state in rows:
        table.add_row(entry.name, entry.publisher, entry.licence, f"{entry.total_bytes / 1e6:,.0f} MB", state.value)
    Console(highlight=False, markup=False, emoji=False).print(table)
    return 0


def _pull(args: argparse.Namespace) -> int:
    settings = _settings(args)
    settings = msgspec.structs.replace(settings, offline=settings.offline or args.offline)
    for name in args.names or [settings.model]:
        print(pull_with_progress(name, settings))
    return 0


def _import(args: argparse.Namespace) -> int:
    store = _store(args)
    with _progress("Importing") as report:
        importing = catalog.import_file(store, args.file, name=args.name, licence=args.licence, report=report)
        entry = asyncio.run(importing)
    print(f"{entry.name}: {store.path(entry.sha256)}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    """0 when everything is intact, 1 when something went to quarantine."""
    store = _store(args)
    with _progress("Verifying") as report:
        verified = asyncio.run(catalog.verify(store, args.name, report=report))
    for file in verified:
        where = "intact" if file.intact else f"CORRUPTED, moved to {store.quarantined(file.sha256)}"
        print(f"{file.name}: {where}")
    if not verified:
        print("Nothing to verify: no such file is in the store.")
    return 0 if all(file.intact for file in verified) else 1


def _remove(args: argparse.Namespace) -> int:
    freed_bytes = asyncio.run(catalog.remove(_store(args), args.name))
    print(f"{args.name}: {freed_bytes / 1e6:,.0f} MB freed")
    return 0


@contextmanager
def _progress(title: str) -> Iterator[Report]:
    """A bar on a terminal, a line each tenth elsewhere; on standard error, as results go to standard output."""
    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_terminal:
        yield _Lines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(title, total=None)

        def report(progress: Progress) -> None:
            if progress.note:
                bar.console.print(_sentence(progress))
            bar.update(task, completed=progress.done_bytes, total=progress.total_bytes)

        yield report


class _Lines:
    def __init__(self, title: str) -> None:
        self.title = title
        self.shown_percent = -1
        self.sentence = ""

    def __call__(self, progress: Progress) -> None:
        if progress.note and _sentence(progress) != self.sentence:
            self.sentence = _sentence(progress)
            print(self.sentence, file=sys.stderr)
        percent = 100 * progress.done_bytes // progress.total_bytes
        percent -= percent % PLAIN_STEP_PERCENT
        if percent > self.shown_percent:
            self.shown_percent = percent
            print(f"{self.title}: {percent} % of {progress.total_bytes / 1e6:,.0f} MB", file=sys.stderr)


def _sentence(progress: Progress) -> str:
    return f"{progress.mirror}: {progress.note}" if progress.mirror else progress.note
