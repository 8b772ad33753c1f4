"""Glossaries as files: CSV and TSV of several forms, TBX (ISO 30042). Reading is for the sandbox."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hanlin.assistants.translate.formats.plain import decoded
from hanlin.assistants.translate.records import Term
from hanlin.errors import BadFile

TERMS = 20_000
CHARACTERS = 400
"""Of one term."""
_SOURCE = frozenset({"source", "sourcestring", "source_term", "term", "原文", "源文", "术语", "原语"})
_TARGET = frozenset({"target", "targetstring", "target_term", "translation", "译文", "译语", "翻译", "目标"})
_NOTE = frozenset({"note", "notes", "description", "comment", "备注", "说明", "注释"})
_LANGUAGES = frozenset({"sourcelang", "targetlang", "pos", "id", "stringid"})
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def read(path: str, name: str, source: str, target: str) -> list[Term]:
    """The terms of a file, the last one of a source winning. BadFile for what is no glossary or has too many terms.

    A CSV has a head that names its columns (TICO-19's `sourceString`, `targetString` too), or two columns without one.
    """
    found = _tbx(path, source, target) if name.lower().endswith((".tbx", ".xml")) else _csv(path)
    terms = {term.source.casefold(): term for term in found}
    if not terms:
        raise BadFile(
            "No terms were found in the file.",
            action="Send a CSV with the columns `source` and `target`, or a TBX with both languages.",
            code="no_terms",
        )
    if len(terms) > TERMS:
        raise BadFile(f"The file has {len(terms):,} terms, at most {TERMS:,} are taken.", code="too_long")
    return list(terms.values())


def written_csv(terms: Sequence[Term]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(("source", "target", "note"))
    writer.writerows([_inert(term.source), _inert(term.target), _inert(term.note)] for term in terms)
    return buffer.getvalue().encode("utf-8-sig")


def written_tbx(terms: Sequence[Term], source: str, target: str) -> bytes:
    entries = "".join(_entry(term, number, source, target) for number, term in enumerate(terms, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<tbx style="dca" type="TBX-Basic" xml:lang={quoteattr(source)} xmlns="urn:iso:std:iso:30042:ed-2">\n'
        "<tbxHeader><fileDesc><sourceDesc><p>Hanlin</p></sourceDesc></fileDesc></tbxHeader>\n"
        f"<text><body>\n{entries}</body></text>\n</tbx>\n"
    ).encode()


def _inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and len(text) > 1) else text


def _entry(term: Term, number: int, source: str, target: str) -> str:
    note = f"<note>{escape(term.note)}</note>" if term.note else ""
    sections = "".join(
        f"<langSec xml:lang={quoteattr(language)}><termSec><term>{escape(text)}</term></termSec></langSec>"
        for language, text in ((source, term.source), (target, term.target))
    )
    return f'<conceptEntry id="c{number}">{note}{sections}</conceptEntry>\n'


def _csv(path: str) -> Iterator[Term]:
    text, _ = decoded(path)
    lines = text.lstrip("\ufeff").splitlines()[: 2 * TERMS + 1]
    separator = max("\t;,", key=lines[0].count) if lines else ","
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error as error:
        raise BadFile("The file is no CSV.", action="Save it again as CSV in UTF-8.") from error
    columns, rows = _columns(rows)
    for row in rows:
        cells = [row[place].strip() if 0 <= place < len(row) else "" for place in columns]
        yield from _term(cells[0], cells[1], cells[2])


def _columns(rows: list[list[str]]) -> tuple[tuple[int, int, int], list[list[str]]]:
    """Where source, target and note stand (-1: nowhere), and the rows below the head."""
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    places = [
        next((place for place, cell in enumerate(head) if cell in names), -1) for names in (_SOURCE, _TARGET, _NOTE)
    ]
    if places[0] >= 0 and places[1] >= 0:
        return (places[0], places[1], places[2]), rows[1:]
    if any(cell in _LANGUAGES for cell in head):
        raise BadFile("The head of the CSV names no source and target.", action="Name the columns `source`, `target`.")
    return (0, 1, 2), rows


def _term(source: str, target: str, note: str) -> Iterator[Term]:
    source, target = (text[1:] if text[:2] in ("'=", "'+", "'@", "'-") else text for text in (source, target))
    if source and target and len(source) <= CHARACTERS and len(target) <= CHARACTERS:
        yield Term(source, target, note[:CHARACTERS])


def _tbx(path: str, source: str, target: str) -> Iterator[Term]:
    from hanlin.assistants.translate.formats.package import parsed

    root = parsed(Path(path).read_bytes())
    for entry in root.iter("{*}conceptEntry", "{*}termEntry"):
        by_language = {
            _language(section.get(_LANG, "")): _said(section) for section in entry.iter("{*}langSec", "{*}langSet")
        }
        note = next((_text(one) for one in entry.iterchildren("{*}note", "{*}descrip")), "")
        if source in by_language and target in by_language:
            yield from _term(by_language[source], by_language[target], note)


def _language(tag: str) -> str:
    from hanlin.assistants.translate.languages import LANGUAGES, alias

    known = alias(tag)
    return known if known in LANGUAGES else tag.partition("-")[0].lower()


def _said(section: Any) -> str:
    """The first term is the preferred one; others are its alternatives."""
    return " | ".join(filter(None, (_text(term) for term in section.iter("{*}term"))))


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
