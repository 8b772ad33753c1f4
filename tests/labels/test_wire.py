from __future__ import annotations

import re
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.labels import Labeller, header, read, wrap
from hanlin.types import Label, Model, Route, Service

LABEL = Labeller("Lab", "9144030008867405X2").aigc(Route(Service("s", ("m",)), Model("m", "echo")), "req_00ff")
INNER = msgspec.json.encode(LABEL).decode()
LABELS = st.builds(Label, *[st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))] * 7)


def test_the_object_has_the_seven_keys_of_the_standard_in_order_and_strings_only() -> None:
    inner = msgspec.json.decode(wrap(LABEL))["AIGC"]
    assert list(inner) == [
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    ]
    assert {type(value) for value in inner.values()} == {str}
    assert inner["Label"] == "1"


@given(LABELS)
def test_a_header_is_the_percent_encoded_object_and_reads_back(label: Label) -> None:
    value = header(label)
    assert value == quote(wrap(label), safe="/")
    assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", value)
    assert read(value) == label


@pytest.mark.parametrize(
    "text",
    [
        wrap(LABEL),
        INNER,
        '{"id":"c1","choices":[],"AIGC":' + INNER + "}",
        msgspec.json.encode({"AIGC": INNER}),
        'data: {"choices":[]}\n\ndata: {"choices":[],"AIGC":' + INNER + "}\n\ndata: [DONE]\n\n",
        f"data:{INNER}\r\n\r\n",
    ],
)
def test_a_label_is_read_wrapped_and_unwrapped_from_json_and_events(text: str | bytes) -> None:
    assert read(text) == LABEL


def test_numbers_and_missing_or_foreign_keys_are_forgiven() -> None:
    assert read('{"AIGC":{"Label":1,"ContentProducer":"doubao","Colour":"red"}}') == Label("1", "doubao")


@pytest.mark.parametrize("text", ["", "hello", "[1]", "null", '{"AIGC":3}', '{"Label":"1"}', "data: [DONE]", "{"])
def test_other_texts_hold_no_label(text: str) -> None:
    assert read(text) is None
