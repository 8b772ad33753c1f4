"""hanlin translate: a file in another language, with its layout; doubtful segments are counted, not hidden."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanlin.cli.workplace import Api, work
from hanlin.errors import BadRequest

FLAGGED = 1


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "translate",
        help="translate a file and keep its layout",
        description="DOCX, PPTX, XLSX, HTML, Markdown, SRT, VTT and text in place; PDF into a bilingual DOCX.",
        epilog="Exit code: 0 no segment is doubtful; 1 some are. A running server is asked (its key in HANLIN_KEY); "
        "else one runs for as long as this takes.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--to", required=True, metavar="CODE", help="zh, en, vi, id, th, ms, …")
    parser.add_argument("--from", dest="source", default="", metavar="CODE", help="default: it is found out")
    parser.add_argument("--glossary", type=Path, metavar="FILE", help="CSV: term, wanted translation")
    parser.add_argument("--bilingual", action="store_true", help="both languages, where the format allows it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: FILE with the language before its ending")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.file.is_file():
        raise BadRequest(f"There is no file {args.file}.", action="Check the path.", code="no_such_file")

    if args.glossary and not args.source:
        raise BadRequest("A glossary is from one language to another.", action="Name the first one with --from.")

    def do(api: Api) -> int:
        glossaries = [glossary(api, args.glossary, args.source, args.to)] if args.glossary else []
        order = {"target": args.to, "source": args.source, "glossaries": glossaries}
        file = api.upload(args.file)
        try:
            begun = api.post("/api/translations", {"file": file, **order})
            here = f"/api/translations/{begun['translation']['id']}"
            api.wait(begun["job"]["id"])
            made = api.get(here)["translation"]
            content = api.content(f"{here}/file" + ("?bilingual=true" if args.bilingual else ""))
        finally:
            api.delete(f"/api/files/{file}")
            for name in glossaries:
                api.delete(f"/api/glossaries/{name}")
        ending = ".docx" if args.file.suffix.lower() == ".pdf" else args.file.suffix
        target = args.output or args.file.with_suffix(f".{args.to}{ending}")
        target.write_bytes(content)
        print(f"{target}: {made['segments']} segments, {made['flagged']} of them doubtful.", file=sys.stderr)
        return FLAGGED if made["flagged"] else 0

    return work(do)


def glossary(api: Api, file: Path, source: str, target: str) -> str:
    """Bring a glossary for this one translation; its id."""
    made = api.post("/api/glossaries", {"name": file.name[:120], "source": source, "target": target})["id"]
    api.send_form(f"/api/glossaries/{made}/import", file)
    return str(made)
