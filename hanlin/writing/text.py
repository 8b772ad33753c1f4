"""Plain text: UTF-8, a blank line between paragraphs, cells apart by tabs."""

from __future__ import annotations

from collections.abc import Sequence

from hanlin.writing.part import Part


def written(content: Sequence[Part], _title: str, _language: str) -> bytes:
    """The text as UTF-8. Properties have no place in it."""
    pieces: list[str] = []
    before = None
    for part in content:
        if pieces and not (part.kind == before == "list"):
            pieces.append("")
        pieces.append(_piece(part))
        before = part.kind
    return ("\n".join(pieces) + "\n").encode()


def _piece(part: Part) -> str:
    if part.kind == "table":
        return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in part.rows)
    if part.kind == "rule":
        return "-" * 20
    text = f"{part.lead} {part.text}".strip() if part.lead else part.text
    if part.kind == "list":
        return f"{'  ' * (part.level - 1)}- {text}"
    return text
