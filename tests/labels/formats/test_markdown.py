from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels.formats import markdown
from hanlin.labels.found import Fault
from hanlin.types import Label
from tests.labels.formats.test_xmp import CODE, IMPRINT, INNER, LABEL, OTHER, joined, mutated

BLOCK = (
    f'AIGC:\n  Label: "1"\n  ContentProducer: "{CODE}"\n  ProduceID: "req_1"\n  ReservedCode1: ""\n'
    f'  ContentPropagator: "{CODE}"\n  PropagateID: "req_1"\n  ReservedCode2: ""\n'
)
AGENT = "---\nAIGC:\n    Label: AIGC\n    ContentProducer: Some Agent AI\n    ProduceID: '00000000'\n---\n"
FORMS = {
    "block, quoted": 'AIGC:\n  Label: "1"\n  ContentProducer: \'doubao\'\n  ProduceID: "2"\n',
    "block, comments": "# c\nAIGC: # c\n\n  Label: '1' # c\n  ContentProducer: doubao # c\n  ProduceID: '2'\n",
    "flow": "AIGC: {Label: '1', ContentProducer: doubao, ProduceID: \"2\"}\n",
    "flow on several lines": "AIGC: {\n  Label: '1',\n  ContentProducer: doubao,\n  ProduceID: '2' }\n",
    "one-line JSON": f"AIGC: {INNER}\n",
    "JSON in a quoted scalar": f"AIGC: '{INNER}'\n",
    "JSON in a double-quoted scalar": "AIGC: " + '"' + INNER.replace('"', '\\"') + '"\n',
    "JSON in a block scalar": f"AIGC: |\n  {INNER}\n",
    "JSON in a folded scalar": f"AIGC: >-\n  {INNER}\n",
    "wrapped JSON": f'AIGC: {{"AIGC":{INNER}}}\n',
    "quoted key": f'"AIGC": {INNER}\n',
}


def written(file: str) -> str:
    return joined(markdown.write(memoryview(file.encode()), IMPRINT)).decode()


def labels(file: str) -> list[Label]:
    return [found.label for found in markdown.read(memoryview(file.encode()))]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_form_in_use_is_read_and_replaced_in_its_place(form: str, newline: str) -> None:
    file = f"---\ntitle: T\n{form}tags: [a, b]\n---\nText\n".replace("\n", newline)
    assert labels(file) == [OTHER]
    comment = "# c\n" if form.startswith("#") else ""
    made = f"---\ntitle: T\n{comment}{BLOCK}tags: [a, b]\n---\nText\n"
    assert written(file) == made.replace("\n", newline)


@pytest.mark.parametrize(
    "file", ["", "# Title\n", "\ufeff# Title\r\nText", "---\n\nA break, no front matter.\n\n---\n", "--- x\n"]
)
def test_a_text_without_front_matter_gets_one_and_keeps_every_byte(file: str) -> None:
    made = written(file)
    mark, newline = "\ufeff" * file.startswith("\ufeff"), "\r\n" if "\r" in file else "\n"
    front = f"{mark}---\n{BLOCK}---\n\n".replace("\n", newline)
    assert made == front + file.removeprefix(mark)
    assert labels(made) == [LABEL]


def test_other_keys_keep_their_order_and_bytes() -> None:
    front = "title:   'x'  # c\n\n# c\nurl: http://a.b:80/?q\nlist:\n- a\n- b\nnested:\n  AIGC: no\n中文: 是\n"
    assert written(f"---\n{front}---\nText") == f"---\n{front}{BLOCK}---\nText"


def test_our_own_label_has_no_fault_and_is_replaced_by_itself() -> None:
    made = written("Text\n")
    (found,) = markdown.read(memoryview(made.encode()))
    assert (found.label, found.place, found.faults) == (LABEL, "Markdown front matter", ())
    assert written(made) == made


def test_what_an_agent_wrote_is_read_with_its_faults() -> None:
    (found,) = markdown.read(memoryview(AGENT.encode()))
    assert found.label == Label("AIGC", "Some Agent AI", "00000000")
    assert found.faults == (Fault.MISSING_KEY, Fault.LABEL_VALUE, Fault.CHARSET)


def test_numbers_are_read_as_text_and_noted() -> None:
    (found,) = markdown.read(memoryview(b"---\nAIGC:\n  Label: 1\n  ContentProducer: x\n  ProduceID: 001234\n---\n"))
    assert found.label == Label("1", "x", "001234")
    assert Fault.NOT_TEXT in found.faults


@pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n"])
def test_stacked_front_matters_are_both_found_and_one_stays(between: str) -> None:
    file = f"{AGENT}{between}---\ntitle: T\nAIGC: {INNER}\n---\nText"
    found = markdown.read(memoryview(file.encode()))
    assert [one.label.content_producer for one in found] == ["Some Agent AI", "doubao"]
    assert Fault.PLACE in found[1].faults
    assert written(file) == f"---\ntitle: T\n{BLOCK}---\nText"
    assert written(f"{AGENT}{between}{AGENT}Text") == f"---\n{BLOCK}---\nText"


def test_a_break_behind_the_front_matter_is_text() -> None:
    file = "---\ntitle: T\n---\n\n---\nAIGC is a word\n---\n"
    assert written(file) == f"---\ntitle: T\n{BLOCK}---\n\n---\nAIGC is a word\n---\n"


def test_words_about_aigc_are_no_label() -> None:
    for value in ("true", "a note on AIGC labels", "{draft: true}", "\n  Label: x", "[1, 2]"):
        assert labels(f"---\nAIGC: {value}\n---\nAIGC: {INNER}\n") == []


def test_utf_16_is_a_bad_file() -> None:
    with pytest.raises(BadFile):
        markdown.write(memoryview("# T".encode("utf-16")), IMPRINT)


@pytest.mark.parametrize(
    "inside", ["a" * 250_000, "AIGC: " + "w" * 200_000, "AIGC:" + " " * 200_000, "AIGC: {" + 'a:"\\' * 50_000,
               "AIGC: " + "[" * 200_000, "AIGC: {Label: 1}\n" * 10_000, "\n" * 200_000, "---\n" * 60_000]
)  # fmt: skip
def test_hostile_front_matter_ends_soon(inside: str) -> None:
    started = time.monotonic()
    assert labels(written(f"---\n{inside}\n---\n")) == [LABEL]
    assert time.monotonic() - started < 2


@given(mutated([f"---\n{form}---\nText".encode() for form in FORMS.values()] + [AGENT.encode() * 2]))
def test_any_damage_leaves_one_label_after_writing(file: bytes) -> None:
    try:
        markdown.read(memoryview(file))
        made = joined(markdown.write(memoryview(file), IMPRINT))
    except BadFile:
        return
    assert [found.label for found in markdown.read(memoryview(made))] == [LABEL]


@given(st.text(st.sampled_from("-\n:AIGC{}\"' #|aL1")))
def test_any_text_keeps_its_body(text: str) -> None:
    made = written(text)
    assert labels(made) == [LABEL]
    assert written(made) == made
