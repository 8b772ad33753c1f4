"""hanlin transcribe: what was said in a recording, and by whom."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanlin.cli.workplace import Api, work
from hanlin.errors import BadRequest, NotAllowed

KINDS = ("txt", "md", "docx", "pdf", "html", "json", "srt", "vtt")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "transcribe",
        help="turn a recording into text with speakers and times",
        description="Takes sound and video of nearly every format, up to six hours.",
        epilog="A running server is asked (its key in HANLIN_KEY); else one runs for as long as this takes.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--language", default="", metavar="CODE", help="of the speech; default: it is found out")
    parser.add_argument("--speakers", type=int, default=0, metavar="N", help="how many speak; default: it is found out")
    parser.add_argument("--words", default="", metavar="WORDS", help="names and terms to expect, separated by commas")
    parser.add_argument("--kind", choices=KINDS, help="default: as --to ends, else txt")
    parser.add_argument("--to", type=Path, metavar="FILE", help="default: printed")
    parser.add_argument("--agreed", action="store_true", help="everybody who is heard knows of it and agrees")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.file.is_file():
        raise BadRequest(f"There is no file {args.file}.", action="Check the path.", code="no_such_file")
    kind = args.kind or (args.to.suffix.lstrip(".") if args.to else "txt")
    if kind not in KINDS or (kind in ("docx", "pdf") and not args.to):
        raise BadRequest(f"A transcript is not written as {kind!r} here.", action=f"Give --to with one of {KINDS}.")
    if not (args.agreed or agrees()):
        raise NotAllowed(
            "A recording is transcribed only if everybody who is heard knows and agrees.",
            action="Ask them, then run it again with --agreed.",
            code="no_consent",
        )
    wanted = {
        "language": args.language,
        "speakers": args.speakers,
        "hot_words": [word.strip() for word in args.words.split(",") if word.strip()],
        "consent": {"confirmed": True},
    }

    def do(api: Api) -> int:
        file = api.upload(args.file)
        recording = ""
        try:
            recording = api.post("/api/meetings", {"file": file, **wanted})["id"]
            api.wait(api.get(f"/api/meetings/{recording}/job")["id"])
            content = api.content(f"/api/meetings/{recording}/file?kind={kind}&part=transcript")
        finally:
            if recording:
                api.delete(f"/api/meetings/{recording}")
            api.delete(f"/api/files/{file}")
        if args.to:
            args.to.write_bytes(content)
        else:
            sys.stdout.write(content.decode())
        return 0

    return work(do)


def agrees() -> bool:
    """Ask the person at the terminal; nobody there means no."""
    if not sys.stdin.isatty():
        return False
    return input("Does everybody who is heard know of the recording and agree? [y/N] ").strip().lower() in (
        "y",
        "yes",
        "是",
    )
