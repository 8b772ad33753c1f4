"""hanlin inspect: what files say of their origin."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from hanlin.app.sealing import trust
from hanlin.cli.files import each, named
from hanlin.errors import HanlinError
from hanlin.labels import Evidence, Finding, Inspection, inspect_file, judge, prompt
from hanlin.sandbox import Sandbox
from hanlin.settings import load

UNREADABLE, UNLABELLED = 1, 3


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "inspect",
        help="what files say of their origin: labels, signatures, watermarks",
        epilog="Exit code: 0 every file was read; 1 one could not be; 3 with --expect-label, one carries no label.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or folders with everything in them")
    parser.add_argument("--json", action="store_true", help="one JSON object a line and file")
    parser.add_argument("--expect-label", action="store_true", help="fail when a file carries no metadata label")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings, _ = load()
    believed = trust(settings, make=False)

    async def look(sandbox: Sandbox, file: Path) -> Inspection:
        return await sandbox.run(inspect_file, str(file), file.name, believed)

    code = 0
    for file, seen in each("Inspecting", named(args.files), look):
        if isinstance(seen, HanlinError):
            code = code or UNREADABLE
            print(f"{file}: {seen}", file=sys.stderr)
        elif args.expect_label and not seen.labels:
            code = UNLABELLED
        if not isinstance(seen, HanlinError):
            print(as_json(file, seen) if args.json else "\n".join(as_text(file, seen)))
        elif args.json:
            print(msgspec.json.encode({"file": str(file), "error": seen.message, "code": seen.code}).decode())
    return code


def finding(seen: Inspection) -> Finding:
    """The finding of Article 6, without a server's index and a publisher's word."""
    credential = seen.credential
    return judge(
        Evidence(
            labels=tuple(found.label.label for found in seen.labels),
            credential=credential.state != "invalid" if credential and credential.says_ai else None,
            metadata=bool(seen.iptc_source),
            watermark=seen.watermark is not None,
            explicit=bool(seen.explicit),
        )
    )


def as_json(file: Path, seen: Inspection) -> str:
    told: dict[str, Any] = msgspec.to_builtins(seen)
    told.pop("prints")
    return msgspec.json.encode({"file": str(file), "finding": finding(seen), **told}).decode()


def as_text(file: Path, seen: Inspection) -> list[str]:
    """What a person reads of one file."""
    lines = [f"{file} ({seen.format})", f"  {finding(seen)}: {prompt(finding(seen), 'en') or 'nothing found'}"]
    for found, security in zip(seen.labels, seen.security, strict=True):
        label = found.label
        lines.append(f"  label      {label.label!r} by {label.content_producer!r}, number {label.produce_id!r}")
        lines.append(
            f"             in {found.place}" + (f"; faults: {', '.join(found.faults)}" if found.faults else "")
        )
        if security is not None:
            lines.append(f"             security data, {security.technique}: {security.integrity}")
    if (credential := seen.credential) is not None:
        lines.append(f"  credential {credential.state}, by {credential.issuer!r}, says AI: {credential.says_ai}")
    if seen.iptc_source:
        lines.append(f"  metadata   IPTC digital source type {seen.iptc_source}")
    if seen.watermark is not None:
        lines.append(f"  watermark  {seen.watermark.technique}, {seen.watermark.payload:016x}")
    if seen.explicit:
        lines.append("  visible    it says itself that it is AI-generated")
    if seen.unreadable:
        lines.append(f"  content    {seen.unreadable}")
    return lines
