"""A policy as an operator writes it: one TOML file, checked on reading with errors that name line, field and value."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hanlin.errors import Misconfigured
from hanlin.policy.fold import fold

SHIPPED = Path(__file__).with_name("default.toml")
_FEWEST_CHARACTERS = 2
"""Of a folded term. Shorter ones stand in ordinary words: open lists that have them refuse 44 % of benign prompts."""

Words = Annotated[str, Meta(min_length=1, max_length=400)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person reads instead of an answer, by language."""

    zh: Words
    en: Words


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    max_input_characters: Annotated[int, Meta(ge=1)] = 400_000
    """All messages of one request together; more is refused."""
    max_output_characters: Annotated[int, Meta(ge=1)] = 400_000
    """All choices of one answer together; more is cut with finish_reason `length`."""


class WordList(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: terms that are refused, under a public name."""

    name: Name
    category: Words
    """A class of the operator's taxonomy; the shipped policy uses Annex A of GB/T 45654-2025, `A.1.d`."""
    reason: Words
    """Public words for why; they stand in decisions and in the record."""
    terms: Annotated[tuple[Words, ...], Meta(min_length=1)]
    exceptions: tuple[Words, ...] = ()
    """Longer wordings that hold a term and are fine."""
    where: Annotated[tuple[Literal["input", "output"], ...], Meta(min_length=1)] = ("input", "output")
    action: Literal["refuse"] = "refuse"


class PolicyFile(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    refusal: Refusal
    limits: Limits = Limits()
    rules: tuple[WordList, ...] = ()

    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the content; comments and layout do not change it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


def read(path: Path) -> PolicyFile:
    """The policy in a file. Raises Misconfigured with file, line or field, what came and what was expected."""
    try:
        text = path.read_text(encoding="utf-8")
        policy = msgspec.convert(tomllib.loads(text), PolicyFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"Policy file {path} cannot be read: {error}.", action="Mend what it names.") from None
    except msgspec.ValidationError as error:
        raise _wrong(path, text, str(error)) from None
    for position, rule in enumerate(policy.rules):
        if problem := _problem(rule, [other.name for other in policy.rules[:position]]):
            raise _wrong(path, text, f"{problem} - at `$.rules[{position}]`")
    return policy


def _problem(rule: WordList, names_before: list[str]) -> str | None:
    if rule.name in names_before:
        return f"Expected a rule name used once, got {rule.name!r} again"
    terms = [fold(term) for term in rule.terms]
    for term, folded in zip(rule.terms, terms, strict=True):
        if len(folded) < _FEWEST_CHARACTERS:
            return f"Expected terms of at least {_FEWEST_CHARACTERS} letters or digits, got {term!r}"
    for exception in rule.exceptions:
        folded = fold(exception)
        if folded in terms or not any(term in folded for term in terms):
            return f"Expected exceptions that are longer than a term and hold it, got {exception!r}"
    return None


def _wrong(path: Path, text: str, message: str) -> Misconfigured:
    """The error with the line where the rule that it names begins."""
    place = str(path)
    if found := re.search(r"\$\.rules\[(\d+)\]", message):
        starts = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[rules]]")]
        if int(found[1]) < len(starts):
            place = f"{path}, rule at line {starts[int(found[1])]}"
    return Misconfigured(f"{place}: {message}.", action="See docs/reference/policy.md for the fields of a policy.")
