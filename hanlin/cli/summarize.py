"""hanlin summarize: what documents say, in the length and shape one asks for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hanlin.cli.workplace import Api, work
from hanlin.errors import BadRequest

NOTICES = {
    "quick": "Quick: {count:,} characters were not shown to the model.",
    "cut": "The model wanted to write more than was asked for; it was ended after a whole sentence.",
    "ocr_missing": "Scanned pages could not be read: no service recognises text.",
    "no_vectors": "No service offers embeddings: words alone were searched.",
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "summarize",
        help="summarise documents",
        description="Reads PDF, Word, PowerPoint, Excel, EPUB, HTML, Markdown, e-mail, pictures; whole, however long.",
        epilog="A running server is asked (its key in HANLIN_KEY); else one runs for as long as this takes.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--kind", choices=("summary", "points", "outline"), default="summary")
    parser.add_argument("--length", choices=("short", "medium", "long"), default="medium")
    parser.add_argument(
        "--shape", choices=("paragraph", "bullets", "table", "simple", "executive"), default="paragraph"
    )
    parser.add_argument("--language", default="", metavar="CODE", help="zh, en, …; default: that of the documents")
    parser.add_argument("--focus", default="", metavar="TEXT", help="what to attend to")
    parser.add_argument("--quick", action="store_true", help="from the best passages instead of every page")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write a labelled .docx, .pdf, .md, .html or .txt")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    for file in args.files:
        if not file.is_file():
            raise BadRequest(f"There is no file {file}.", action="Check the path.", code="no_such_file")
    kind = args.to.suffix.lstrip(".") if args.to else ""
    if args.to and kind not in ("docx", "pdf", "md", "html", "txt"):
        raise BadRequest(
            f"A summary is not written as {args.to.suffix!r}.", action="Use .docx, .pdf, .md, .html or .txt."
        )
    wanted = {name: getattr(args, name) for name in ("kind", "length", "shape", "language", "focus", "quick")}

    def do(api: Api) -> int:
        files: list[str] = []
        try:
            documents = [read(api, file, files) for file in args.files]
            with api.console.status("summarising"):
                begun = api.post("/api/documents/summaries", {"documents": documents, **wanted})
            result = made(api, begun)
            print(result["text"])
            for notice in result["notices"]:
                print(NOTICES.get(notice, notice).format(count=result["left_out"]), file=sys.stderr)
            if args.to:
                args.to.write_bytes(api.content(f"/api/documents/results/{result['id']}/file?kind={kind}"))
        finally:
            for file in files:  # what was made of it goes with it
                api.delete(f"/api/files/{file}")
        return 0

    return work(do)


def read(api: Api, file: Path, files: list[str]) -> str:
    """Bring a file, noted in `files`, and have it read; the document's id. Raises what kept it from being read."""
    files.append(api.upload(file))
    document = api.post("/api/documents", {"file": files[-1]})
    if document["job"]:
        api.wait(document["job"])
    return str(document["id"])


def made(api: Api, result: dict[str, Any]) -> dict[str, Any]:
    """A result once it is there."""
    if result["state"] == "running":
        api.wait(result["job"])
        found: dict[str, Any] = api.get(f"/api/documents/results/{result['id']}")
        return found
    return result
