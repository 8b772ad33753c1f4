"""The GGUF checker accepts what is sound and refuses, with BadRequest alone, everything else."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.catalog import gguf as checker
from hanlin.catalog.header import Header
from hanlin.errors import BadRequest
from tests.catalog.files import gguf, metadata, string, tensor

SOUND = gguf()
HUGE = 2**64 - 1


def read(content: bytes) -> Header:
    return checker.read(io.BytesIO(content), len(content))


@pytest.mark.parametrize("version", [2, 3])
def test_a_sound_file_says_what_it_is(version: int) -> None:
    assert read(gguf(version=version)) == Header(
        format="gguf",
        architecture="qwen2",
        name="Tiny",
        parameters=128,
        quantisation="Q4_K_M",
        context_tokens=4096,
        chat_template=True,
        tensors=1,
    )


def test_without_a_stated_file_type_the_type_of_most_elements_is_named() -> None:
    """A file without metadata is sound; the tensors speak."""
    content = gguf(tensor("a", (64,)), tensor("b", (8,), kind=0, offset=96), keys=(), data_bytes=128)

    assert read(content).quantisation == "Q8_0"


def test_a_part_of_split_weights_says_so() -> None:
    assert read(gguf(keys=(metadata("split.count", 3),))).parts == 3


def test_text_from_the_file_is_safe_to_print() -> None:
    name = read(gguf(keys=(metadata("general.name", "a\x1b[31m\nb" + "c" * 500),))).name

    assert name == ("a[31mb" + "c" * 500)[:120]


def test_every_alignment_up_to_4096_holds() -> None:
    for alignment in (1, 8, 4096):
        content = gguf(keys=(metadata("general.alignment", alignment),), alignment=alignment)
        assert read(content).tensors == 1


BROKEN = {
    "version 1": gguf(version=1),
    "big-endian": gguf(version=3 << 24),
    "no tensors": gguf(counts=(0, 6)),
    "tensor count": gguf(counts=(HUGE, 6)),
    "tensor count beyond the file": gguf(counts=(1000, 6)),
    "key count": gguf(counts=(1, HUGE)),
    "key length": gguf(keys=(struct.pack("<Q", HUGE),)),
    "key comes twice": gguf(keys=(metadata("a", 1), metadata("a", 2))),
    "string length": gguf(keys=(string("a") + struct.pack("<IQ", 8, HUGE),)),
    "value type": gguf(keys=(string("a") + struct.pack("<II", 13, 0),)),
    "array length": gguf(keys=(string("a") + struct.pack("<IIQ", 9, 4, HUGE),)),
    "array of arrays": gguf(keys=(string("a") + struct.pack("<IIQ", 9, 9, 1),)),
    "string array length": gguf(keys=(string("a") + struct.pack("<IIQ", 9, 8, HUGE),)),
    "string in array": gguf(keys=(string("a") + struct.pack("<IIQQ", 9, 8, 1, HUGE),)),
    "alignment 0": gguf(keys=(metadata("general.alignment", 0),)),
    "alignment 48": gguf(keys=(metadata("general.alignment", 48),)),
    "alignment 8192": gguf(keys=(metadata("general.alignment", 8192),)),
    "alignment in words": gguf(keys=(metadata("general.alignment", "32"),)),
    "tensor name length": gguf(tensor("x" * 300)),
    "tensor comes twice": gguf(tensor("a"), tensor("a", offset=160), data_bytes=320),
    "five dimensions": gguf(tensor("a", (32, 1, 1, 1, 1))),
    "tensor type": gguf(tensor("a", kind=99)),
    "half a block": gguf(tensor("a", (33, 4))),
    "elements overflow": gguf(tensor("a", (1 << 32, 1 << 32, 2, 1))),
    "offset beyond the file": gguf(tensor("a", offset=1 << 62)),
    "tensors overlap": gguf(tensor("a"), tensor("b", offset=32), data_bytes=320),
    "tensor beyond the file": gguf(data_bytes=135),
    "no data at all": gguf(data_bytes=0)[:-20],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(content)

    assert refusal.value.code == "malformed_weights"


def test_a_file_cut_short_anywhere_is_refused() -> None:
    for length in range(4, len(SOUND) - 24):
        with pytest.raises(BadRequest):
            read(SOUND[:length])


def test_the_number_of_strings_a_file_can_make_us_walk_is_bounded() -> None:
    """Gigabytes of empty strings would be minutes of steps; they are refused before the first."""
    array = string("a") + struct.pack("<IIQ", 9, 8, checker.MAX_STRINGS + 1)

    with pytest.raises(BadRequest, match="strings in arrays"):
        read(gguf(keys=(array,)))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=9)), max_size=6), st.data())
def test_a_mutated_file_is_read_or_refused_and_nothing_else(
    edits: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    content = bytearray(SOUND)
    for position, replacement in edits:
        content[position : position + data.draw(st.sampled_from([0, 1, len(replacement)]))] = replacement
    try:
        header = read(bytes(content))
    except BadRequest:
        return
    assert header.tensors >= 1
