from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanlin import web
from hanlin.web.words import LANGUAGES, load, preferred

ROOM = Path(web.__file__).parent
SOURCE = "\n".join(file.read_text("utf-8") for file in [*ROOM.rglob("*.html"), *ROOM.rglob("*.py")])
REVIEW_TABLES = (
    *("figure", "state", "outcome", "kind", "kind_text", "my_kind", "my_outcome", "released_text", "follow"),
    *("step", "step_text", "measure", "standing"),
)
POLICY_TABLES = (
    *("where", "verdict", "verdict_text", "action", "chapter", "chapter_text", "variant", "kind"),
    *("expected", "should", "mark", "fact", "setting"),
)
DOCUMENT_TABLES = (
    *("tab", "write_lead", "do", "make", "state", "kind"),
    *("length", "shape", "language", "genre", "tone", "notice"),
)
CHOSEN_AT_RUN_TIME = (
    *(f"site.{room}" for room in ("chat", "documents", "meetings", "translate", "tasks")),
    "jobs.",
    *(f"documents.{name}." for name in DOCUMENT_TABLES),
    "problem.",
    "chat.prompt.",
    "models.",
    "services.scope_",
    "people.role_",
    *(f"review.{name}." for name in REVIEW_TABLES),
    *(f"policies.{name}." for name in POLICY_TABLES),
    *(f"verify.{name}" for name in ("finding", "fault.", "by_", "value_", "security_", "credential_")),
)
"""Words whose names are put together from data: states, roles, error codes."""
LOOKED_UP = ("chat.", "documents.", "label.", "policies.", "receipt.", "verify.")
"""Sections that are also looked into by a name that stands in the code."""


def flat(words: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, word in words.items():
        if isinstance(word, dict):
            yield from flat(word, f"{before}{name}.")
        else:
            yield before + name, word


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words_with_the_same_places_to_fill(language: str) -> None:
    english = {name: sorted(re.findall(r"\{\w*\}", word)) for name, word in flat(load("en"))}
    assert {name: sorted(re.findall(r"\{\w*\}", word)) for name, word in flat(load(language))} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_empty(language: str) -> None:
    assert [name for name, word in flat(load(language)) if not word.strip()] == []


def is_used(name: str) -> bool:
    if name.startswith(CHOSEN_AT_RUN_TIME):
        return True
    if name.startswith(LOOKED_UP):
        return re.search(rf"\b{name.rpartition('.')[2]}\b", SOURCE) is not None
    return re.search(rf"\b(t|words)\.{re.escape(name)}\b", SOURCE) is not None


def test_no_word_is_left_unused() -> None:
    assert [name for name, _ in flat(load("en")) if not is_used(name)] == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr, en;q=0.5, zh;q=0.4", "en"),
        ("en;q=0.1, zh;q=0.9", "zh"),
        ("ZH-Hant", "zh"),
        ("fr", "otherwise"),
        ("", "otherwise"),
        ("zh;q=what, <script>;q=1, en;q=0.2", "en"),
    ],
)
def test_the_language_is_the_one_the_browser_likes_best(header: str, language: str) -> None:
    assert preferred(header, "otherwise") == language
