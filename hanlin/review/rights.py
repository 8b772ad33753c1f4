"""Who sees and who decides; and the words people give for it."""

from __future__ import annotations

import re

from sqlalchemy import Column, ColumnElement, true

from hanlin.accounts import require
from hanlin.errors import BadRequest, NotFound
from hanlin.types import Actor, Permission

WORDS = {"case": "case", "inc": "incident", "san": "sanction"}
PAGE = 200
"""Most entries of one page of any list."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def reviews(actor: Actor) -> bool:
    return Permission.REVIEW in actor.permissions


def reach(actor: Actor, workspace: Column[str]) -> ColumnElement[bool]:
    """The rows a reviewer answers for: their workspace's; an administrator's are all. Raises NotAllowed for others."""
    require(actor, Permission.REVIEW)
    return true() if actor.administrator else workspace == actor.workspace


def not_found(kind: str) -> NotFound:
    """One answer for what does not exist and for what is somebody else's."""
    return NotFound(f"There is no such {WORDS[kind]}.", action="List what there is, and take its id from there.")


def words(name: str, value: str, most: int, *, least: int = 1) -> str:
    """The value without outer blanks. Raises BadRequest, naming the field, for its length or what no database takes."""
    cleaned = value.strip()
    if not least <= len(cleaned) <= most:
        raise BadRequest(f"{name} must have {least} to {most} characters, got {len(cleaned)}.", param=name)
    if _UNSTORABLE.search(cleaned):
        raise BadRequest(f"{name} holds U+0000 or half a surrogate pair.", action="Remove it.", param=name)
    return cleaned


def encoded(text: str) -> bytes:
    """The text as it is stored; any string of Python's comes back from `decoded` unchanged."""
    return text.encode("utf-8", "surrogatepass")


def decoded(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")
