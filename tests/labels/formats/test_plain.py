from __future__ import annotations

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels.formats import plain
from hanlin.labels.formats.format import Format
from hanlin.labels.found import Fault
from hanlin.types import Label
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, joined, mutated

TEXT = msgspec.json.encode(LABEL).decode()
TXT, JSON, EVENTS = plain.FORMATS


def written(format_: Format, file: str) -> str:
    return joined(format_.write(memoryview(file.encode()), IMPRINT)).decode()


def labels(format_: Format, file: str) -> list[Label]:
    return [found.label for found in format_.read(memoryview(file.encode()))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "@\n"),
        ("Text", "Text\n@\n"),
        ("Text\r\nmore\r\n", "Text\r\nmore\r\n@\r\n"),
        ('{"a":1}\nx\n', '{"a":1}\nx\n@\n'),
    ],
)
def test_in_plain_text_the_label_is_the_last_line(before: str, after: str) -> None:
    made = written(TXT, before)
    assert made == after.replace("@", f"AIGC: {TEXT}")
    assert written(TXT, made) == made
    (found,) = TXT.read(memoryview(made.encode()))
    assert (found.label, found.faults) == (LABEL, ())


@pytest.mark.parametrize(
    "line", [f"AIGC: {INNER}", f"AIGC={INNER}", f"AIGC{INNER}", f'{{"AIGC":{INNER}}}', f"  AIGC {INNER} "]
)
def test_lines_at_either_end_are_read_and_replaced(line: str) -> None:
    for file in (f"{line}\nText\n", f"Text\n{line}", f"Text\n{line}\n"):
        assert labels(TXT, file) == [OTHER]
        assert written(TXT, file) == f"Text\nAIGC: {TEXT}\n"


def test_a_label_in_the_middle_of_a_long_text_or_of_a_line_is_text() -> None:
    for file in ("x\n" * 50_000 + f"AIGC: {INNER}\n" + "x\n" * 50_000, f"He wrote AIGC: {INNER}\n", "AIGC: {a: b}\n"):
        assert labels(TXT, file) == []
        assert written(TXT, file).startswith(file)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{"AIGC":@}'),
        (' {"a": 1 }\n', ' {"a": 1,"AIGC":@ }\n'),
        (
            '{\n  "a": [1, {"AIGC": 2}],\n  "b": "x,}"\n}\n',
            '{\n  "a": [1, {"AIGC": 2}],\n  "b": "x,}",\n  "AIGC":@\n}\n',
        ),
        (f'{{"AIGC" : {INNER} , "a":1.50}}', '{"AIGC" : @ , "a":1.50}'),
        (f'{{"a":1,"AIGC":{INNER},"b":2,"AIGC": {INNER}}}', '{"a":1,"AIGC":@,"b":2}'),
        ('\ufeff{"a":"\\"\\\\"}', '\ufeff{"a":"\\"\\\\","AIGC":@}'),
    ],
)
def test_in_a_json_object_the_label_is_a_key_and_the_rest_keeps_its_form(before: str, after: str) -> None:
    made = written(JSON, before)
    assert made == after.replace("@", TEXT)
    assert written(JSON, made) == made
    (found,) = JSON.read(memoryview(made.encode()))
    assert (found.label, found.place, found.faults) == (LABEL, "JSON AIGC", ())


def test_a_bare_label_is_read_as_such() -> None:
    (found,) = JSON.read(memoryview(INNER.encode()))
    assert (found.label, Fault.PLACE in found.faults) == (OTHER, True)


@pytest.mark.parametrize("file", ["[]", "[{}]", '"text"', "1", "null"])
def test_arrays_and_bare_values_have_no_place_for_a_label(file: str) -> None:
    assert labels(JSON, file) == []
    with pytest.raises(BadFile, match="JSON object"):
        written(JSON, file)


@pytest.mark.parametrize("file", ["", "{", "{'a':1}", "{} {}", "[" * 100_000, '{"a":' * 100_000, '{"AIGC":NaN}'])
def test_what_is_no_json_is_a_bad_file(file: str) -> None:
    for call in (labels, written):
        with pytest.raises(BadFile):
            call(JSON, file)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_first_and_the_last_event_carry_the_label_which_counts_once(newline: str) -> None:
    file = 'event: a\ndata: {"n":1}\n\ndata:{"n":2}\n\ndata: {"n":3}\n\ndata: [DONE]\n\n'.replace("\n", newline)
    made = written(EVENTS, file)
    assert made == file.replace('"n":1', f'"n":1,"AIGC":{TEXT}').replace('"n":3', f'"n":3,"AIGC":{TEXT}')
    assert labels(EVENTS, made) == [LABEL]
    assert written(EVENTS, made) == made


def test_labels_of_all_other_events_go() -> None:
    file = f'data: {{"AIGC":{INNER}}}\n\ndata: {{"AIGC":{INNER},"n":2}}\n\ndata: {{"n":3,"AIGC":{INNER}}}\n\n'
    assert labels(EVENTS, file) == [OTHER] * 3
    assert written(EVENTS, file) == f'data: {{"AIGC":{TEXT}}}\n\ndata: {{"n":2}}\n\ndata: {{"n":3,"AIGC":{TEXT}}}\n\n'


def test_a_single_event_is_first_and_last() -> None:
    assert written(EVENTS, "data: {}\n\n") == f'data: {{"AIGC":{TEXT}}}\n\n'


def test_a_stream_without_an_object_is_a_bad_file() -> None:
    with pytest.raises(BadFile):
        written(EVENTS, "data: [DONE]\n\n")


@pytest.mark.parametrize("format_", plain.FORMATS, ids=[format_.name for format_ in plain.FORMATS])
@pytest.mark.parametrize(
    "piece",
    [
        "[",
        '{"a":1,',
        "data: {}\n",
        '\\"',
        '{"AIGC":1}\n',
        'AIGC: {"Label":1,"ProduceID":1}\n',
        "data: {" + '"AIGC":1,' * 99 + '"a":1}\n',
    ],
)
def test_hostile_text_ends_soon(format_: Format, piece: str) -> None:
    file = memoryview((piece * (1_000_000 // len(piece))).encode())
    started = time.monotonic()
    for call in (format_.read, lambda view: format_.write(view, IMPRINT)):
        try:
            call(file)
        except BadFile:
            continue
    assert time.monotonic() - started < 3


@given(
    mutated([f'{{"a":[1,"x"],"AIGC":{INNER},"b":{{}}}}'.encode(), f"AIGC: {INNER}\nText".encode(),
             f'data: {{"AIGC":{INNER}}}\n\ndata: {{"b":1}}\n\n'.encode()]),
    st.sampled_from(plain.FORMATS),
)  # fmt: skip
def test_any_damage_gives_a_bad_file_or_one_label(file: bytes, format_: Format) -> None:
    try:
        format_.read(memoryview(file))
        made = joined(format_.write(memoryview(file), IMPRINT))
    except BadFile:
        return
    assert [found.label for found in format_.read(memoryview(made))] == [LABEL]


WORDS = st.text('ab"\\{}[],:é', max_size=5)
VALUES = st.none() | st.floats(-9, 9) | WORDS | st.lists(WORDS, max_size=3) | st.dictionaries(WORDS, WORDS, max_size=3)


@given(st.dictionaries(WORDS, VALUES, max_size=4), st.sampled_from([None, 2]))
def test_any_object_keeps_its_other_keys(value: dict[str, object], indent: int | None) -> None:
    made = json.loads(written(JSON, json.dumps(value, indent=indent)))
    assert made.pop("AIGC") == msgspec.to_builtins(LABEL)
    assert made == value


def test_a_text_of_many_labels_is_a_bad_file() -> None:
    with pytest.raises(BadFile, match="labels, expected one"):
        plain.write_text(memoryview(f"AIGC: {INNER}\n".encode() * 2000), IMPRINT)


def test_of_a_stream_of_many_labels_the_first_are_read() -> None:
    found = plain.read_events(memoryview(f'data: {{"AIGC":{INNER}}}\n\n'.encode() * 2000))
    assert len(found) == plain.LABELS + 1
