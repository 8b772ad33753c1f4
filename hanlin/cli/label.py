"""hanlin label: put every mark on files that a model of this operator made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from hanlin.app.sealing import imprint, signed
from hanlin.cli.files import each, named
from hanlin.errors import BadRequest, HanlinError
from hanlin.labels import Order, Sealed, numbered, seal_file
from hanlin.sandbox import Sandbox
from hanlin.settings import Settings, load
from hanlin.types import new_id

FAILED = 1


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "label",
        help="mark files as AI-made: visible label, metadata, watermark, signature",
        description="Marks files that a model of yours made. `hanlin label report` writes the evidence pack.",
        epilog="Exit code: 0 every file was marked; 1 one could not be, and stays as it was.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or folders; or the word `report`")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where marked files (or the report) go")
    parser.add_argument("--in-place", action="store_true", help="replace the files themselves")
    parser.add_argument(
        "--model", default="", metavar="NAME", help="the model that made them; default: that of the settings"
    )
    parser.add_argument("--language", choices=("zh", "en"), help="of the visible label; default: that of the settings")
    parser.add_argument(
        "--visible-already", action="store_true", help="the content carries its visible or audible label already"
    )
    parser.add_argument("--no-watermark", action="store_true", help="leave the pixels and samples as they are")
    parser.add_argument("--no-signature", action="store_true", help="no Content Credential and no security data")
    parser.add_argument("--json", action="store_true", help="one JSON object a line and file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings, _ = load()
    if args.files == [Path("report")] and not args.files[0].exists():
        from hanlin.cli.label_report import report

        return report(settings, args.to)
    if (args.to is None) == (not args.in_place):
        raise BadRequest("Say where marked files go.", action="Give either `--to FOLDER` or `--in-place`.")
    files = named(args.files)
    targets = {file: file if args.in_place else args.to / file.name for file in files}
    if len(set(targets.values())) < len(files):
        raise BadRequest("Two files of the same name would meet in one folder.", action="Label them in two runs.")
    if args.to is not None:
        args.to.mkdir(parents=True, exist_ok=True)

    wanted = order(settings, args)

    async def mark(sandbox: Sandbox, file: Path) -> Sealed:
        number = new_id("lbl").removeprefix("lbl_")
        return await sandbox.run(seal_file, str(file), str(targets[file]), file.name, numbered(wanted, number))

    code = 0
    for file, sealed in each("Labelling", files, mark):
        if isinstance(sealed, HanlinError):
            code = FAILED
            print(f"{file}: {sealed}", file=sys.stderr)
        elif args.json:
            told = msgspec.to_builtins(sealed)
            told.pop("prints")
            print(msgspec.json.encode({"file": str(targets[file]), **told}).decode())
        else:
            print(f"{targets[file]}: {', '.join(sealed.layers)}; number {sealed.label.produce_id}")
    return code


def order(settings: Settings, args: argparse.Namespace) -> Order:
    """What the options ask for, without a content number yet."""
    wanted = imprint(settings, args.model)
    base = Order(wanted) if args.no_signature else signed(settings, wanted)
    return msgspec.structs.replace(
        base,
        language=args.language or settings.language,
        explicit=not args.visible_already,
        watermark=not args.no_watermark,
    )
