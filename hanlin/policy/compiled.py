"""A lexicon as it is searched: automata and arrays that are read in milliseconds, and the folder that keeps them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec
from daachorse import CharwiseDoubleArrayAhoCorasick
from msgspec import Struct

from hanlin.policy.file import Variant, WordList, spelling
from hanlin.policy.fold import fold
from hanlin.policy.pinyin import Pinyin, syllables
from hanlin.policy.split import split_spellings

_FORMAT = 1
"""Counted up whenever the same lists are compiled to something else."""
_KEPT_FILES = 32
_RECENT = 8
_recent: dict[bytes, Compiled] = {}
"""What was compiled last, the newest last: the directions of a policy often have the same lists."""
_DIGEST_BYTES = 32
EXCEPTION = 0xFFFFFFFF
"""In the place of a term's number: the pattern is an exception."""
EVERY_LIST = 0xFFFF
"""In the place of a list's number: the exception holds for all of them."""


class Prefixes(Struct, frozen=True, array_like=True):
    """The proper beginnings of patterns, and the length of the longest pattern that begins so (unsigned shorts)."""

    automaton: bytes
    longest: bytes
    most: int
    """Length of the longest beginning."""


class Layer(Struct, frozen=True, array_like=True):
    """Patterns in one spelling; by pattern: list (unsigned short), term (unsigned int), weight (double)."""

    automaton: bytes
    lists: bytes
    terms: bytes
    weights: bytes
    prefixes: Prefixes
    exceptions: Prefixes


class Compiled(Struct, frozen=True, array_like=True):
    plain: Layer
    pinyin: Layer | None = None
    readings: tuple[str, str] = ("", "")
    """Of the pinyin layer: its characters, and their syllables between spaces."""
    spelt: tuple[str, ...] = ()
    """Of the pinyin layer, by pattern: the folded term that it spells."""


class _Pattern(NamedTuple):
    folded: str
    list: int
    term: int
    weight: float = 0.0
    spelt: str = ""


def load(lists: Sequence[WordList], folder: Path | None) -> Compiled:
    """The lists compiled; out of the folder when they are there, and into it when they are not.

    A file that is damaged, truncated or of other content is not used but written anew.
    """
    key = _key(lists)
    if folder is None:
        return _built(key, lists)
    path = folder / f"{key.hex()}.lexicon"
    if (compiled := _read(path, key)) is None:
        compiled = _built(key, lists)
        _write(path, key + _sealed(key, msgspec.msgpack.encode(compiled)))
    return compiled


def _built(key: bytes, lists: Sequence[WordList]) -> Compiled:
    compiled = _recent[key] = _recent.pop(key) if key in _recent else build(lists)
    while len(_recent) > _RECENT:
        _recent.pop(next(iter(_recent)))
    return compiled


def build(lists: Sequence[WordList]) -> Compiled:
    """Compile; a second or two for 100,000 terms."""
    numbers: dict[str, int] = {}
    plain: list[_Pattern] = []
    pinyin: list[_Pattern] = []
    readings = syllables() if any("pinyin" in variants for _, _, variants in _entries(lists)) else {}
    speller = Pinyin(readings)
    for number, rule in enumerate(lists):
        allowed = rule.action == "allow"
        for folded, weight, variants in _entries([rule]):
            term = EXCEPTION if allowed else numbers.setdefault(folded, len(numbers))
            listed = EVERY_LIST if allowed else number
            spellings = {folded} | (split_spellings(folded) if "split" in variants and not allowed else set())
            plain += [_Pattern(spelt, listed, term, weight) for spelt in sorted(spellings)]
            if "pinyin" in variants and not allowed and (letters := speller.spell(folded)):
                pinyin.append(_Pattern(letters, number, term, weight, folded))
        exceptions = {fold(exception) for exception in rule.exceptions if not allowed} - {""}
        plain += [_Pattern(folded, number, EXCEPTION) for folded in sorted(exceptions)]
    if not pinyin:
        return Compiled(_layer(plain))
    columns = "".join(readings), " ".join(readings.values())
    return Compiled(_layer(plain), _layer(pinyin), columns, tuple(pattern.spelt for pattern in pinyin))


def _entries(lists: Iterable[WordList]) -> Iterable[tuple[str, float, tuple[Variant, ...]]]:
    """The terms folded, with their weight and variants; those that fold to nothing are left out."""
    for rule in lists:
        for entry in rule.terms:
            weight, variants = None, None
            if not isinstance(entry, str):
                weight, variants = entry.weight, entry.variants
            if folded := fold(spelling(entry)):
                weight = rule.weight if weight is None else weight
                yield folded, weight, rule.variants if variants is None else variants


def _layer(patterns: Sequence[_Pattern]) -> Layer:
    folded = [pattern.folded for pattern in patterns]
    return Layer(
        # Profiled on its own patterns the automaton lies better in memory: searches take an eighth less time.
        _automaton(folded, corpus=folded),
        array("H", [pattern.list for pattern in patterns]).tobytes(),
        array("I", [pattern.term for pattern in patterns]).tobytes(),
        array("d", [pattern.weight for pattern in patterns]).tobytes(),
        _prefixes(folded),
        _prefixes(pattern.folded for pattern in patterns if pattern.term == EXCEPTION),
    )


def _prefixes(patterns: Iterable[str]) -> Prefixes:
    longest: dict[str, int] = {}
    for pattern in sorted(patterns, key=len):
        longest |= {pattern[:end]: len(pattern) for end in range(1, len(pattern))}
    return Prefixes(_automaton(longest), array("H", longest.values()).tobytes(), max(map(len, longest), default=0))


def _automaton(patterns: Iterable[str], corpus: list[str] | None = None) -> bytes:
    serialized: bytes = CharwiseDoubleArrayAhoCorasick(list(patterns), corpus=corpus).serialize()
    return serialized


def _key(lists: Sequence[WordList]) -> bytes:
    """Of the content, and of everything that decides what it is compiled to."""
    origin = [_FORMAT, unicodedata.unidata_version, version("daachorse")]
    return hashlib.sha256(msgspec.msgpack.encode((origin, lists))).digest()


def _sealed(key: bytes, content: bytes) -> bytes:
    return hashlib.sha256(key + content).digest() + content


def _read(path: Path, key: bytes) -> Compiled | None:
    try:
        file = path.read_bytes()
    except OSError:
        return None
    content = memoryview(file)[2 * _DIGEST_BYTES :]
    seal = file[_DIGEST_BYTES : 2 * _DIGEST_BYTES]
    digest = hashlib.sha256(key)
    digest.update(content)
    if file[:_DIGEST_BYTES] != key or digest.digest() != seal:
        return None
    with suppress(OSError):
        os.utime(path)  # the oldest go first
    return msgspec.msgpack.decode(content, type=Compiled)


def _write(path: Path, content: bytes) -> None:
    """Puts the file there at once or not at all, for its owner only, and lets the oldest go.

    A folder that cannot be written to costs time at the next start and nothing else, so it is no error.
    """
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        kept = sorted(path.parent.glob("*.lexicon"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for old in kept[_KEPT_FILES:]:
            old.unlink(missing_ok=True)
