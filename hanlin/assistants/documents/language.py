"""In what language a text is, as far as prompts and set sentences need to know."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMES = {
    "zh": "Simplified Chinese",
    "en": "English",
    "id": "Indonesian",
    "ms": "Malay",
    "vi": "Vietnamese",
    "th": "Thai",
    "ja": "Japanese",
    "ko": "Korean",
}
"""As a model is told them."""
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
)
_LATIN = re.compile("[a-z\u00c0-\u1eff]+")
_WORDS = {
    "vi": set("của và là có không được cho trong những một người với này các".split()),  # noqa: SIM905
    "id": set("yang dan di dengan untuk pada dari adalah tidak ini itu apa berapa siapa kapan".split()),  # noqa: SIM905
    "en": set("the of and to in is that for was what which who how when on with are be by this".split()),  # noqa: SIM905
}
SAMPLE_CHARACTERS = 4000


def language(text: str) -> str:
    """`zh`, `en`, `ja`, `ko`, `th`, `vi` or `id`: by script, in Latin script by common words; else `en`."""
    sample = text[:SAMPLE_CHARACTERS].lower()
    letters = sum(map(len, _LATIN.findall(sample)))
    for code, script in _SCRIPTS:
        count = len(script.findall(sample))
        if count * 4 > letters and count:
            return code
    words = _LATIN.findall(sample)
    return max(("en", "vi", "id"), key=lambda code: sum(word in _WORDS[code] for word in words))


def name(code: str) -> str:
    return NAMES.get(code, code)


def alike(one: str, other: str) -> bool:
    """Whether two texts are written in one script, so that their words can be compared."""
    return _script(language(one)) == _script(language(other))


def mostly(texts: Iterable[str]) -> str:
    """The language of several texts together."""
    return language("\n".join(text[:1000] for text in texts))


def _script(code: str) -> str:
    return code if code in {"zh", "ja", "ko", "th"} else "latin"
