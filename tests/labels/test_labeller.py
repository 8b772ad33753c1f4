from __future__ import annotations

import pytest

from hanlin.errors import Misconfigured
from hanlin.labels import Labeller
from hanlin.types import Choice, Chunk, Delta, Label, Model, Route, Service, Usage, new_id

ROUTE = Route(Service("chat", ("m",)), Model("m", "echo", code="00A1"))
OTHER = Route(Service("chat", ("n",)), Model("n", "echo", code="00B2"))
CODE = "9144030008867405X2"
TEXT = Chunk([Choice(0, Delta(content="hi"))])


def test_the_label_names_producer_model_and_request() -> None:
    labeller, request = Labeller("Lab", CODE), new_id("req")
    assert labeller.aigc(ROUTE, request) == Label(
        label="1",
        content_producer=f"0011{CODE}100A1",
        produce_id=request.removeprefix("req_"),
        content_propagator=f"0011{CODE}200A1",
        propagate_id=request.removeprefix("req_"),
    )
    assert labeller.aigc(OTHER, request).content_producer == f"0011{CODE}100B2"
    assert labeller.aigc(ROUTE, "plain").produce_id == "plain"


@pytest.mark.parametrize(
    ("operator", "producer"),
    [('Han Lin \\ "Lab" 翰林', "HanLinLab"), ("翰林院", "unnamed-operator"), ("a~!b", "a~!b")],
)
def test_without_a_code_the_name_stands_there_in_allowed_characters(operator: str, producer: str) -> None:
    labeller = Labeller(operator)
    label = labeller.aigc(ROUTE, "req_1")
    assert (labeller.placeholder, label.content_producer, label.content_propagator) == (True, producer, producer)


def test_a_code_is_no_placeholder_and_a_wrong_one_is_refused_at_start() -> None:
    labeller = Labeller("Lab", CODE)
    assert not labeller.placeholder
    with pytest.raises(Misconfigured):
        Labeller("Lab", CODE[:-1] + "3")


def test_the_first_and_the_last_chunks_are_labelled_and_those_between_pass_as_they_are() -> None:
    marker = Labeller("Lab", CODE).begin(ROUTE, "req_1")
    first, last, usage = TEXT, Chunk([Choice(0, finish_reason="stop")]), Chunk(usage=Usage(1, 2, 3))
    assert marker.mark(first) == Chunk(first.choices, label=marker.label)
    assert marker.mark(TEXT) is TEXT
    assert marker.mark(last) == Chunk(last.choices, label=marker.label)
    assert marker.mark(usage) == Chunk(usage=Usage(1, 2, 3), label=marker.label)
    assert TEXT.label is None


def test_every_finishing_choice_is_labelled_also_behind_one_that_goes_on() -> None:
    marker = Labeller("Lab", CODE).begin(ROUTE, "req_1")
    marker.mark(TEXT)
    both = Chunk([Choice(0, Delta(content="on")), Choice(1, finish_reason="stop")])
    assert marker.mark(both).label == marker.label


def test_a_whole_answer_in_one_chunk_carries_one_label() -> None:
    marker = Labeller("Lab", CODE).begin(ROUTE, "req_1")
    assert marker.mark(Chunk([Choice(0, Delta(content="hi"), "stop")], Usage(1, 2, 3))).label == marker.label
