"""In which encoding a text is: its mark, its declaration, UTF-8, else the one in which it reads like a language."""

from __future__ import annotations

import codecs
import re

from hanlin.errors import BadFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 200_000
_COMMON = frozenset(
    "的一是了不在有人我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心"
    "這個們來為國說時會對發後裡種經麼學現當沒動還進樣電話開關無"
    "のにはをたがでてとしれさいるかなもこらす"
    "이다는을가에의고로하지한"
)
"""Frequent in Chinese (both scripts), Japanese and Korean: about a third of the letters of any text in one of them."""
_THAI = re.compile("[\u0e01-\u0e5b]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decoded(data: bytes, declared: str = "") -> str:
    """The text, line ends as LF. Raises BadFile for bytes that are no text."""
    text = _decode(data, declared)
    if len(_CONTROLS.findall(text[:_SAMPLE_BYTES])) > len(text[:_SAMPLE_BYTES]) // 50:
        raise _no_text()
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _decode(data: bytes, declared: str) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    for name in ("utf-8", _known(declared)):
        if name:
            try:
                return data.decode(name)
            except UnicodeDecodeError:
                continue
    return data.decode(_likeliest(data[:_SAMPLE_BYTES]), errors="replace")


def _known(name: str) -> str:
    """A declared encoding as Python knows it; GB2312 is read as its superset."""
    try:
        found = codecs.lookup(name).name if name else ""
    except LookupError:
        return ""
    return (
        "gb18030"
        if found in {"gb2312", "gbk"}
        else found
        if found in _READABLE or found.startswith(("iso8859", "cp125"))
        else ""
    )


_READABLE = frozenset(
    {
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "gb18030",
        "big5",
        "big5hkscs",
        "shift_jis",
        "cp932",
        "euc_jp",
        "euc_kr",
        "cp949",
        "iso2022_jp",
        "koi8-r",
        "tis-620",
        "cp874",
        "ascii",
        "mac-roman",
    }
)


def _likeliest(sample: bytes) -> str:
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if sample[::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    scores = {name: _score(sample, name) for name in ("gb18030", "big5", "cp932", "cp949", "utf-16-le", "utf-16-be")}
    best = max(scores, key=scores.__getitem__)
    if scores[best] > 0.1:
        return best
    thai = sample.decode("cp874", errors="replace")
    letters = sum(1 for byte in sample if byte > 0xA0)
    if letters > 10 and len(_THAI.findall(thai)) > 0.95 * letters and letters > len(sample) // 3:
        return "cp874"
    if letters > 0.3 * len(sample):  # no language of Latin letters has so many marks on them
        raise _no_text()
    return "cp1252"


def _score(sample: bytes, name: str) -> float:
    """Share of common letters among those outside ASCII; less for each place that cannot be decoded."""
    text = sample.decode(name, errors="replace")
    wide = [letter for letter in text if letter > "\x7f"]
    if not wide:
        return 0
    good = sum(letter in _COMMON for letter in wide)
    bad = sum(letter == "\ufffd" for letter in wide)
    return (good - 3 * bad) / len(wide)


def _no_text() -> BadFile:
    return BadFile(
        "The file is of a kind that is not known here.",
        code="unknown_file",
        action="Save it as PDF, DOCX or plain text and send that.",
    )
