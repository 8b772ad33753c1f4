"""Paragraphs of Office documents as segments: runs of one formatting joined, others between markers, and back.

WordprocessingML, DrawingML and SpreadsheetML share the form: a paragraph holds runs, a run holds properties and texts
(ECMA-376-1, 17.3, 21.1.2, 18.4). What differs stands in a `Grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.formats.found import worth_it

MOST_MARKERS = 12
"""Above it a paragraph is formatted letter by letter: its most frequent formatting is taken for all of it."""
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_PIECES = re.compile(r"(</?g\d{1,4}>|<x\d{1,4}/>)")


class Grammar(NamedTuple):
    """Local names of what a kind of paragraph is made of."""

    run: str
    text: str
    properties: str
    containers: frozenset[str]
    """May stand between paragraph and run, and goes along with its runs: links, insertions."""
    breaks: frozenset[str]
    """In a run: what ends a segment (line breaks, tabs)."""
    ignored: frozenset[str] = frozenset()
    """Properties and their attributes that are no formatting: spelling, language, revision."""


class Atom(NamedTuple):
    """The smallest thing in a line: a text, or something else that stands in it."""

    run: Any
    child: Any
    """The text element, or what is no text; None for a whole element beside the runs."""
    container: Any
    """None directly in the paragraph."""
    is_text: bool
    field: int = 0
    """Which field of the paragraph it belongs to; a field is one lone marker."""

    @property
    def top(self) -> Any:
        """The child of the paragraph that it is in."""
        return self.run if self.container is None else self.container


class Stretch(NamedTuple):
    """The atoms of one segment, from its first text to its last."""

    atoms: Sequence[Atom]
    groups: Sequence[int]
    """Of each atom: its formatting's number, 0 the base; -n for the lone marker n."""

    @property
    def source(self) -> str:
        pieces, before = [], 0
        for atom, group in zip(self.atoms, self.groups, strict=True):
            if group != before:
                pieces += [f"</g{before}>"] if before > 0 else []
                pieces += [f"<g{group}>"] if group > 0 else [f"<x{-group}/>"] if group < 0 else []
                before = group
            pieces.append((atom.child.text or "") if atom.is_text else "")
        return "".join([*pieces, f"</g{before}>"] if before > 0 else pieces)


def local(element: Any) -> str:
    """The name without its namespace; "" for comments and instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def stretches(paragraph: Any, grammar: Grammar) -> list[Stretch]:
    """The segments of a paragraph, in order; none when it holds no letter."""
    found: list[Stretch] = []
    line: list[Atom] = []
    for atom in [*_atoms(paragraph, grammar, None, Fields()), None]:
        if atom is not None:
            line.append(atom)
            continue
        if stretch := _stretch(line, grammar):
            found.append(stretch)
        line = []
    return found


class Fields:
    """Where in fields the reading is: their codes are never shown, their results made anew (ECMA-376-1, 17.16.18)."""

    def __init__(self) -> None:
        self._open: list[list[str]] = []
        """The code of each open field, with what ended it when that has come."""
        self.number = 0

    def see(self, child: Any) -> bool:
        """Take note of a child of a run; whether it is part of a field rather than text."""
        name = local(child)
        if name == "fldChar":
            self._turn(next((value for key, value in child.attrib.items() if key.endswith("fldCharType")), ""))
            return True
        if name == "instrText" and self._open:
            self._open[-1].insert(-1, child.text or "")
            return True
        return self.locked

    def _turn(self, kind: str) -> None:
        if kind == "begin":
            self.number += not self._open
            self._open.append([kind])
        elif kind == "separate" and self._open:
            self._open[-1][-1] = kind
        elif kind == "end" and self._open:
            self._open.pop()

    @property
    def locked(self) -> bool:
        """Whether what stands here is a code, or a result that the program makes anew: not a link's or a contents'."""
        return any(code[-1] != "separate" or not _is_wording("".join(code[:-1])) for code in self._open)

    @property
    def wording(self) -> bool:
        """Whether the innermost open field is a link or a table of contents: its edges end a segment."""
        return bool(self._open) and _is_wording("".join(self._open[-1][:-1]))


def _is_wording(code: str) -> bool:
    return code.split()[:1] in (["HYPERLINK"], ["TOC"])


def _atoms(parent: Any, grammar: Grammar, container: Any, fields: Fields) -> Iterator[Atom | None]:
    """Atoms in order; None where a segment ends."""
    for element in parent:
        name = local(element)
        if name == grammar.run:
            yield from _in_run(element, grammar, container, fields)
        elif name in grammar.containers and container is None:
            yield from _atoms(element, grammar, element, fields)
        elif name in _BETWEEN:
            yield None
            yield from _atoms(element, grammar, None, fields) if name != "fldSimple" else ()
            yield None
        elif name in grammar.breaks:
            yield None
        elif name == "fld":
            yield Atom(element, None, container, is_text=False)


_BETWEEN = frozenset(
    {"hyperlink", "ins", "smartTag", "sdt", "sdtContent", "customXml", "fldSimple", "moveTo", "dir", "bdo"}
)
"""Deeper nesting than one container: read, but each as segments of its own."""


def _in_run(run: Any, grammar: Grammar, container: Any, fields: Fields) -> Iterator[Atom | None]:
    for child in run:
        name = local(child)
        if name == grammar.properties or name in _UNSEEN or not name:
            continue
        wording = fields.wording
        if fields.see(child):
            lone = Atom(run, child, container, is_text=False, field=fields.number)
            yield None if wording or fields.wording else lone
        elif name == grammar.text:
            yield Atom(run, child, container, is_text=True)
        elif name in grammar.breaks:
            yield None
        else:
            yield Atom(run, child, container, is_text=False)


_UNSEEN = frozenset({"lastRenderedPageBreak", "softHyphen", "delText", "annotationRef", "rPh", "phoneticPr"})


def _stretch(line: list[Atom], grammar: Grammar) -> Stretch | None:
    texts = [place for place, atom in enumerate(line) if atom.is_text and (atom.child.text or "").strip()]
    if not texts or not worth_it("".join(line[place].child.text for place in texts)):
        return None
    atoms = line[texts[0] : texts[-1] + 1]
    if any(markup.ANY.search(atom.child.text or "") for atom in atoms if atom.is_text):
        return None  # a text about markers cannot be told from them
    keys = [_key(atom, grammar) if atom.is_text else "" for atom in atoms]
    return Stretch(atoms, _numbered(atoms, keys))


def _key(atom: Atom, grammar: Grammar) -> str:
    """The formatting of a text as a string: equal for equal formatting in the same link."""
    properties = next((child for child in atom.run if local(child) == grammar.properties), None)
    where = "" if atom.container is None else f"in {id(atom.container)} "
    return where + ("" if properties is None else _canonical(properties, grammar))


def _canonical(element: Any, grammar: Grammar) -> str:
    attributes = sorted(
        (name, value) for name, value in element.attrib.items() if name.rpartition("}")[2] not in grammar.ignored
    )
    children = [_canonical(child, grammar) for child in element if local(child) and local(child) not in grammar.ignored]
    if not attributes and not children and local(element) == grammar.properties:
        return ""
    return f"{local(element)}{attributes}{children}"


def _numbered(atoms: Sequence[Atom], keys: Sequence[str]) -> list[int]:
    """The base formatting is 0, others count up as they come; a blank takes what stands before it."""
    lengths: dict[str, int] = {}
    for atom, key in zip(atoms, keys, strict=True):
        if atom.is_text and not key.startswith("in "):
            lengths[key] = lengths.get(key, 0) + len(atom.child.text or "")
    base = max(lengths, key=lambda key: lengths[key]) if lengths else ""
    groups, last, number, lone, fields = [], base, 0, 0, 0
    for atom, key in zip(atoms, keys, strict=True):
        if not atom.is_text:
            lone += not (atom.field and fields == atom.field)
            fields = atom.field
            groups.append(-lone)
            continue
        fields = 0
        blank = not (atom.child.text or "").strip() and not key.startswith("in ")
        now = key if not blank else base if last.startswith("in ") else last
        if now != base and (now != last or not groups or groups[-1] < 0):
            number += 1
        groups.append(0 if now == base else number)
        last = now
    return groups if number <= MOST_MARKERS else _flattened(atoms, keys, groups)


def _flattened(atoms: Sequence[Atom], keys: Sequence[str], groups: Sequence[int]) -> list[int]:
    """Only links keep markers of their own."""
    kept: dict[int, int] = {}
    flat = []
    for atom, key, group in zip(atoms, keys, groups, strict=True):
        if not atom.is_text:
            flat.append(group)
        elif key.startswith("in "):
            flat.append(kept.setdefault(group, len(kept) + 1))
        else:
            flat.append(0)
    return flat


def translate(paragraph: Any, grammar: Grammar, targets: Sequence[str | None]) -> None:
    """Put each segment's target in its place; None leaves one as it is."""
    if all(target is None for target in targets):
        return
    _split(paragraph, grammar)
    for stretch, target in zip(stretches(paragraph, grammar), targets, strict=True):
        if target is not None:
            _put(stretch, target, grammar)


def _split(paragraph: Any, grammar: Grammar) -> None:
    """Give every run one content, so that texts can be moved without what stands beside them."""
    for run in [element for element in paragraph.iter() if local(element) == grammar.run]:
        contents = [child for child in run if local(child) != grammar.properties]
        if _owner(run, paragraph) is not paragraph or len(contents) < 2 or run.getparent() is None:
            continue
        properties = next((child for child in run if local(child) == grammar.properties), None)
        place = run
        for content in contents[1:]:
            another = _like(run, properties)
            another.append(content)
            place.addnext(another)
            place = another


def _owner(run: Any, paragraph: Any) -> Any:
    """The nearest paragraph around a run: a text box in a paragraph holds paragraphs of its own."""
    element = run.getparent()
    while element is not None and element is not paragraph and local(element) not in ("p", "si", "is", "text"):
        element = element.getparent()
    return element


def _like(run: Any, properties: Any) -> Any:
    another = run.makeelement(run.tag, dict(run.attrib), run.nsmap)
    if properties is not None:
        another.append(deepcopy(properties))
    return another


def _put(stretch: Stretch, target: str, grammar: Grammar) -> None:
    """The new runs where the old ones began; marks between them (bookmarks, comments) go around them."""
    anchor = _anchored(stretch)
    texts, lone = _templates(stretch)
    container = copy = None
    for group, content in _parsed(target):
        atoms = lone.get(group, []) if group < 0 else [texts.get(group, texts[0])]
        for atom in atoms:
            element = atom.run if group < 0 else _written(atom, content, grammar)
            if atom.container is None:
                container = None
                anchor.addprevious(element)
                continue
            if copy is None or container is not atom.container:
                container = atom.container
                copy = container.makeelement(container.tag, dict(container.attrib), container.nsmap)
                anchor.addprevious(copy)
            copy.append(element)
    _clear(stretch, grammar)
    anchor.getparent().remove(anchor)


def _anchored(stretch: Stretch) -> Any:
    """A stand-in before the first run; marks that open a range between the runs stand before it then."""
    first, last = stretch.atoms[0].top, stretch.atoms[-1].top
    anchor = first.makeelement("anchor", {}, {})
    first.addprevious(anchor)
    element = first
    while element is not None and element is not last:
        following = element.getnext()
        if local(element).endswith("Start"):
            anchor.addprevious(element)
        element = following
    return anchor


def _templates(stretch: Stretch) -> tuple[dict[int, Atom], dict[int, list[Atom]]]:
    """For each formatting the text to write as, and for each lone marker what it stands for."""
    texts: dict[int, Atom] = {}
    lone: dict[int, list[Atom]] = {}
    for atom, group in zip(stretch.atoms, stretch.groups, strict=True):
        if group < 0:
            lone.setdefault(group, []).append(atom)
        elif group not in texts or not (texts[group].child.text or "").strip():
            texts[group] = atom
    texts.setdefault(0, next(iter(texts.values())))
    return texts, lone


def _parsed(target: str) -> Iterator[tuple[int, str]]:
    """(group, text) in order; (-n, "") for the lone marker n."""
    opened: list[int] = []
    for piece in _PIECES.split(target):
        if not piece:
            continue
        if not _PIECES.fullmatch(piece):
            yield (opened[-1] if opened else 0), piece
        elif piece.startswith("</"):
            opened = opened[:-1]
        elif piece[1] == "g":
            opened.append(int(piece[2:-1]))
            if f"{piece}</g{opened[-1]}>" in target:
                yield opened[-1], ""  # a link without words is still there
        else:
            yield -int(piece[2:-2]), ""


def _written(atom: Atom, text: str, grammar: Grammar) -> Any:
    properties = next((child for child in atom.run if local(child) == grammar.properties), None)
    run = _like(atom.run, properties)
    content = atom.child.makeelement(atom.child.tag, {}, {})
    content.text = text
    if text != text.strip() and "drawingml" not in content.tag:  # DrawingML's texts keep their blanks by themselves
        content.set(_SPACE, "preserve")
    run.append(content)
    return run


def _clear(stretch: Stretch, grammar: Grammar) -> None:
    """Take the old texts out, and runs and links that are empty then."""
    for atom in stretch.atoms:
        if not atom.is_text:
            continue
        atom.run.remove(atom.child)
        if all(local(child) == grammar.properties for child in atom.run) and atom.run.getparent() is not None:
            atom.run.getparent().remove(atom.run)
    for container in {id(atom.container): atom.container for atom in stretch.atoms}.values():
        if container is not None and len(container) == 0 and container.getparent() is not None:
            container.getparent().remove(container)
