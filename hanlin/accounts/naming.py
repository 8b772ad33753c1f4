"""What a name and an id may look like. Checked before a database sees them."""

from __future__ import annotations

import re
import unicodedata

from hanlin.errors import BadRequest, NotFound

NAME_CHARACTERS = 64
WORDS = {"per": "person", "ws": "workspace", "key": "API key", "ses": "session"}
"""The kinds of ids of this room, in words."""

_ID = re.compile(r"(per|ws|key|ses)_[0-9a-f]{32}")


def clean_name(name: str, *, param: str = "name") -> str:
    """The name in NFC without outer blanks. BadRequest unless 1 to 64 printable characters."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(cleaned) <= NAME_CHARACTERS:
        raise BadRequest(f"{param} must have 1 to {NAME_CHARACTERS} characters, got {len(cleaned)}.", param=param)
    if any(unicodedata.category(character)[0] == "C" for character in cleaned):
        raise BadRequest(f"{param} holds a control or unassigned character.", action="Remove it.", param=param)
    return cleaned


def fold(name: str) -> str:
    """What two names share when a reader would call them the same (Unicode 3.13, compatibility caseless match)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def check_id(kind: str, value: str) -> str:
    """The id, or the NotFound that an unknown one gets."""
    match = _ID.fullmatch(value)
    if match is None or match[1] != kind:
        raise not_found(kind)
    return value


def not_found(kind: str) -> NotFound:
    """One answer for an id that does not exist and for one of somebody else."""
    return NotFound(f"There is no such {WORDS[kind]}.", action="List what there is, and take its id from there.")
