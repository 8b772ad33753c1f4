"""What must come through a model unchanged, behind a marker: addresses, placeholders of programs, and terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.terminology import Found

KEEP = re.compile(
    r"""(?:https?|ftp)://[^\s<>"'（）()\u3000-\u9fff]+[^\s<>"'（）().,;:!?\u3000-\u9fff]  # an address
    |(?<![\w@.])www\.[\w-]+\.[^\s<>"'（）()\u3000-\u9fff]*[\w/]
    |(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+                  # e-mail
    |\$?\{\{?[\w.:\-]{0,40}\}?\}                                    # {0} {name} {{x}} ${x}
    |%(?:\(\w+\)|\d+\$)?[-+0#]?\d*(?:\.\d+)?[sdifeguxX](?![A-Za-z\d])  # %s %1$d %(name)s
    |(?<!%)%%(?!%)
    |</?(?!(?:g\d|x\d|k\d))[A-Za-z][\w:-]{0,20}(?:\s[^<>]{0,200})?/?>  # <b> in a text
    """,
    re.VERBOSE,
)


class Shielded(Struct, frozen=True):
    """A text on its way to a model, and what its `<k1/>` stand for."""

    text: str
    kept: tuple[str, ...]

    def restored(self, answer: str) -> str:
        """The answer with what was kept; a marker that stands for nothing goes."""
        return markup.KEPT.sub(self._kept, answer)

    def _kept(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return self.kept[number - 1] if 1 <= number <= len(self.kept) else ""


def shielded(text: str, terms: Sequence[Found] = ()) -> Shielded:
    """`terms` go behind markers too, already in the target's words."""
    kept: list[str] = []
    spans = [(found.start(), found.end(), found[0]) for found in KEEP.finditer(text)]
    free = [one for one in terms if not any(start < one.end and one.start < end for start, end, _ in spans)]
    spans += [(one.start, one.end, one.preferred) for one in free]
    pieces, position = [], 0
    for start, end, value in sorted(spans):
        kept.append(value)
        pieces += [text[position:start], f"<k{len(kept)}/>"]
        position = end
    return Shielded("".join([*pieces, text[position:]]), tuple(kept))


def lost(source: str, target: str) -> bool:
    """Whether an address or placeholder of the source is missing in the target, or stands there once too often."""
    wanted, given = (Counter(KEEP.findall(text)) for text in (source, target))
    return any(given[kept] != count for kept, count in wanted.items())


def is_all(text: str) -> bool:
    """Whether nothing is left to translate outside of what is kept."""
    return not any(letter.isalpha() for letter in markup.plain(KEEP.sub("", text)))
