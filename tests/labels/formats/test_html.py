from __future__ import annotations

import json
import time

import lxml.html
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels.formats import html
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint
from hanlin.types import Label
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, data, joined, mutated

META = f"<meta name=\"AIGC\" content='{msgspec.json.encode(LABEL).decode()}'/>"
FORMS = {
    "single quotes": f"<meta name='AIGC' content='{INNER}'>",
    "entities": '<META CONTENT="' + INNER.replace('"', "&quot;") + '" NAME="AIGC" />',
    "numeric entities, no quotes": "<meta name=AIGC content=" + INNER.replace('"', "&#34;") + ">",
    "wrapped": f'<meta name="AIGC" content=\'{{"AIGC":{INNER}}}\'>',
}
ODD = {
    "property": f"<meta property='AIGC' content='{INNER}'>",
    "another name": f"<meta name='x:aigc' content='{INNER}'>",
    "script": f'<script type="application/json" id="AIGC">{INNER}</script >',
    "comment": f"<!-- AIGC: {INNER} -->",
}
NO_LABELS = {
    "inside a script": f"<script>const a = `<meta name='AIGC' content='{INNER}'>`</script>",
    "inside a comment, not a label": "<!-- <meta name='AIGC' content='{}'> -->",
    "inside a text area": f"<textarea><meta name='AIGC' content='{INNER}'></textarea>",
    "other content": "<meta name='AIGC' content='yes'>",
    "inside an attribute": f"<p title='<meta name=AIGC>'>{INNER}</p>",
}


def written(file: str) -> str:
    return joined(html.write(memoryview(file.encode()), IMPRINT)).decode()


def labels(file: str) -> list[Label]:
    return [found.label for found in html.read(memoryview(file.encode()))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!doctype html><html><head><title>T</title></head>", "<!doctype html><html><head>\n@<title>T</title></head>"),
        ("<head><meta charset=gbk><title>T", "<head><meta charset=gbk>\n@<title>T"),
        ('<head><meta http-equiv="Content-Type" content="text/html; charset=gbk"></head>',
         '<head><meta http-equiv="Content-Type" content="text/html; charset=gbk">\n@</head>'),
        ("<html><body>x</body></html>", "<html>\n<head>\n@</head><body>x</body></html>"),
        ("<!DOCTYPE html>\n<title>T</title>", "<!DOCTYPE html>\n@\n<title>T</title>"),
        ("<p>x", "@<p>x"),
        ("\ufeff<p>x", "\ufeff@<p>x"),
        ("", "@"),
        ("<!-- <head> --><style>'<head>'</style><head>", "<!-- <head> --><style>'<head>'</style><head>\n@"),
    ],
)  # fmt: skip
def test_the_element_stands_in_the_head_and_all_else_keeps_its_bytes(before: str, after: str) -> None:
    made = written(before)
    assert made == after.replace("@", META)
    assert written(made) == made
    (found,) = html.read(memoryview(made.encode()))
    assert (found.label, found.place, found.faults) == (LABEL, "HTML meta", ())


@given(st.builds(Label, *[st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))] * 7))
def test_an_independent_parser_reads_any_label_from_the_head(label: Label) -> None:
    made = joined(html.write(memoryview(b"<!doctype html><html><body>x"), Imprint(label)))
    (content,) = lxml.html.document_fromstring(made).xpath("//head/meta[@name='AIGC']/@content")
    assert json.loads(content) == msgspec.to_builtins(label)
    assert [found.label for found in html.read(memoryview(made))] == [label]


@pytest.mark.parametrize("form", [*FORMS.values(), *ODD.values()], ids=[*FORMS, *ODD])
def test_every_form_is_read_and_replaced(form: str) -> None:
    file = f"<html><head>\n{form}\n</head><body>x"
    (found,) = html.read(memoryview(file.encode()))
    assert found.label == OTHER
    assert (Fault.PLACE in found.faults) is (form in ODD.values())
    assert written(file) == f"<html><head>\n{META}\n</head><body>x"


@pytest.mark.parametrize("text", NO_LABELS.values(), ids=NO_LABELS)
def test_what_only_looks_like_a_label_is_none_and_stays(text: str) -> None:
    file = f"<html><head>{text}</head>"
    assert labels(file) == []
    assert text in written(file)


def test_several_labels_become_one() -> None:
    file = f"<head>{FORMS['entities']}<body>{FORMS['wrapped']}{ODD['comment']}"
    assert labels(file) == [OTHER] * 3
    assert written(file) == f"<head>\n{META}<body>"


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16-le", "utf-16-be"])
def test_the_text_keeps_its_encoding(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file = mark + "<html><head></head><body>中文</body>".encode(encoding)
    made = joined(html.write(memoryview(file), IMPRINT))
    assert made == mark + f"<html><head>\n{META}</head><body>中文</body>".encode(encoding)
    assert [found.label for found in html.read(memoryview(made))] == [LABEL]


def test_half_a_character_of_utf_16_is_a_bad_file() -> None:
    with pytest.raises(BadFile):
        html.write(memoryview(b"\xff\xfe<"), IMPRINT)


def test_a_real_page_keeps_its_bytes() -> None:
    file = data("documents", "kreuzberg_beijing_chinese.html").read_bytes()
    assert html.read(memoryview(file)) == []
    made = joined(html.write(memoryview(file), IMPRINT))
    assert made.replace(b"\n" + META.encode(), b"", 1) == file
    assert [found.label for found in html.read(memoryview(made))] == [LABEL]


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        '<meta "',
        "<script>",
        "<",
        "<a ",
        "<meta name=AIGC content='",
        FORMS["entities"],
        "<title",
        "<scriptAIGC ",
    ],
)
def test_hostile_markup_ends_soon(piece: str) -> None:
    file = memoryview((piece * (1_000_000 // len(piece))).encode())
    started = time.monotonic()
    html.read(file)
    html.write(file, IMPRINT)
    assert time.monotonic() - started < 3


@given(mutated([f"<html><head>{form}</head>".encode() for form in (*FORMS.values(), *ODD.values())]))
def test_any_damage_leaves_one_label_after_writing(file: bytes) -> None:
    try:
        html.read(memoryview(file))
        made = joined(html.write(memoryview(file), IMPRINT))
    except BadFile:
        return
    assert LABEL in [found.label for found in html.read(memoryview(made))]


def test_a_quote_that_is_never_closed_does_not_swallow_the_label() -> None:
    """The last byte is a bracket, and stands inside of the quote."""
    new = joined(html.FORMATS[0].write(memoryview(b"<html><head a='><p>"), IMPRINT))
    assert [found.label for found in html.FORMATS[0].read(memoryview(new))] == [LABEL]
