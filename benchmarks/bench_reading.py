"""What is read from office files, beside kreuzberg and markitdown: `python benchmarks/bench_reading.py [FILE …]`.

A row is a file. Recall: which share of the other's words (Chinese: characters), counted with repetition, ours holds
too, and the other way round. Marks of Markdown are no words. Of an HTML file only words count that people see in it
outside of menus: a peer that prints inner tables twice sets no bar. Seconds: the least of `--repeats` runs, in this
process.
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import machine

from hanlin.errors import HanlinError
from hanlin.reading import Limits, read, tables

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = (ROOT / "shared/data/documents", ROOT / "shared/data/images")
_LETTER = r"[\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]"
_WORD = re.compile(rf"{_LETTER}|(?:(?!{_LETTER})[^\W_])+")
_NO_WORDS = re.compile(
    r"<!--.*?-->|\]\((?:[^()\n]|\([^()\n]*\))*\)|data:[\w/+;,=-]+|&(?:lt|gt|amp|quot|nbsp);", re.DOTALL
)
_NONE = re.compile(r"(?!)")
UNSEEN = (
    "self::script or self::style or self::noscript or self::nav or self::button"
    " or @role='search' or @aria-hidden='true' or contains(translate(@style, ' ', ''), 'display:none')"
)
"""XPath: what a peer may print and we leave out."""
Reading = tuple[str, int]
"""Text, and how many tables."""


def ours(path: Path) -> Reading:
    document = read(str(path), path.name, Limits())
    return "\n".join((document.title, *(page.name for page in document.pages), document.text)), len(tables(document))


def kreuzberg(path: Path) -> Reading:
    import kreuzberg as peer

    found = peer.extract_file_sync(str(path))
    return found.content, len(found.tables)


def markitdown(path: Path) -> Reading:
    from markitdown import MarkItDown

    text = MarkItDown().convert(str(path)).markdown
    return text, len(re.findall(r"^\|(?: *:?-+:? *\|)+\s*$", text, re.MULTILINE))


def words(text: str, marks: re.Pattern[str] = _NO_WORDS) -> Counter[str]:
    whole = re.sub(r"(?<=[^\W\d])-\n?(?=[a-z])", "", text)  # a word's halves, which not all join
    return Counter(_WORD.findall(marks.sub(" ", whole).lower()))


def own_words(path: Path) -> Counter[str] | None:
    """The words that people see of an HTML file, by its nodes, without menus; None for other kinds."""
    from lxml import etree

    if path.suffix != ".html":
        return None
    root = etree.fromstring(path.read_bytes(), etree.HTMLParser(encoding="utf-8", remove_comments=True))
    return words(" ".join(root.xpath(f"//text()[not(ancestor::*[{UNSEEN}])]")), _NONE)


def recall(mine: Counter[str], theirs: Counter[str]) -> str:
    total = theirs.total()
    return f"{100 * (mine & theirs).total() / total:.1f} %" if total else "–"


def timed(function: Callable[[Path], Reading], path: Path, repeats: int) -> tuple[Reading | None, float]:
    best, found = float("inf"), None
    for _ in range(repeats):
        began = time.process_time()
        try:
            found = function(path)
        except HanlinError as refused:
            print(f"{path.name}: {refused}")
        except Exception as failure:  # noqa: BLE001 - how a peer fails is part of the figures
            print(f"{path.name}: {function.__name__} {type(failure).__name__}")
        best = min(best, time.process_time() - began)
    return found, best


def row(path: Path, repeats: int) -> tuple[str, Counter[str], Counter[str]]:
    found = [timed(function, path, repeats) for function in (ours, kreuzberg, markitdown)]
    mine, first, second = (
        words(reading[0], marks) if reading else Counter()
        for (reading, _), marks in zip(found, (_NONE, _NO_WORDS, _NO_WORDS), strict=True)
    )
    own = own_words(path)
    if own is not None:
        first, second = first & own, second & own
    counts = " / ".join(str(reading[1]) if reading else "–" for reading, _ in found)
    seconds = " / ".join(f"{seconds:.2f}" for _, seconds in found)
    cells = (path.name, mine.total(), recall(mine, first), recall(mine, second), recall(first, mine), counts, seconds)
    return "| " + " | ".join(map(str, cells)) + " |", mine & first, first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for key, value in machine.describe().items():
        print(f"{key}: {value}")
    head = ("file", "words", "of kreuzberg's", "of markitdown's", "kreuzberg of ours", "tables o/k/m", "CPU s o/k/m")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    held = wanted = 0
    for folder in options.folders or FOLDERS:
        for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
            line, common, theirs = row(path, options.repeats)
            held, wanted = held + common.total(), wanted + theirs.total()
            print(line, flush=True)
    print(f"\nOf all of kreuzberg's words: {100 * held / max(1, wanted):.2f} %")


if __name__ == "__main__":
    main()
