"""The interface's words, one TOML file per language, all with the same keys; `words["en"].chat.send` is a string."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

LANGUAGES = ("zh", "en")
FOLDER = Path(__file__).parent / "words"


def _namespace(words: Mapping[str, Any]) -> SimpleNamespace:
    """Attributes, not keys: a dict's own `keys` would hide the page of that name."""
    return SimpleNamespace(
        **{name: _namespace(word) if isinstance(word, dict) else word for name, word in words.items()}
    )


def load(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))


WORDS: Mapping[str, SimpleNamespace] = {language: _namespace(load(language)) for language in LANGUAGES}


def preferred(accept_language: str, otherwise: str) -> str:
    """The best offered language of an Accept-Language header; `otherwise` when it names none of ours.

    What cannot be read in it counts as absent.
    """
    ranked = []
    for place, part in enumerate(accept_language[:400].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.lower().partition("-")[0]
        if language in LANGUAGES:
            ranked.append((-_weight(weight), place, language))
    return min(ranked)[2] if ranked else otherwise


def _weight(written: str) -> float:
    try:
        return float(written or 1)
    except ValueError:
        return 0.0
