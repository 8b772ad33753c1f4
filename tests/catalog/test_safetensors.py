"""The safetensors checker accepts what is sound and refuses, with BadRequest alone, everything else."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.catalog import safetensors as checker
from hanlin.catalog.header import Header
from hanlin.errors import BadRequest
from tests.catalog.files import safetensors

SOUND = safetensors()


def read(content: bytes) -> Header:
    return checker.read(io.BytesIO(content), len(content))


def one(dtype: object = "F32", shape: object = (2, 3), offsets: object = (0, 24), **more: object) -> bytes:
    return safetensors({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}})


def test_a_sound_file_says_what_it_is() -> None:
    header = read(SOUND)

    assert (header.format, header.parameters, header.tensors) == ("safetensors", 8, 2)
    assert header.quantisation in ("F32", "BF16")


def test_what_the_metadata_says_is_read() -> None:
    said = {"modelspec.title": "Tiny\n", "modelspec.architecture": "flux"}
    header = read(safetensors({"__metadata__": said, "a": {"dtype": "F4", "shape": [6, 8], "data_offsets": [0, 24]}}))

    assert (header.name, header.architecture, header.quantisation, header.parameters) == ("Tiny", "flux", "F4", 48)


BROKEN = {
    "header beyond the file": safetensors(length=10_000),
    "header beyond 100 MB": safetensors(length=2**63),
    "header without end": SOUND[:20],
    "not JSON": safetensors(b"{]"),
    "JSON too deep": safetensors(b'{"a":' + b"[" * 100_000),
    "not UTF-8": safetensors(b'{"\xff\xfe":{}}'),
    "a list": safetensors(b"[]"),
    "no tensors": safetensors({}),
    "only metadata": safetensors({"__metadata__": {}}, data_bytes=0),
    "metadata not text": safetensors({"__metadata__": {"a": 1}}),
    "unknown field": one(extra=1),
    "unknown type": one("F128"),
    "negative dimension": one(shape=(-2, 3)),
    "dimension overflow": one(shape=(2**63, 2**63)),
    "shape of text": one(shape=("2",)),
    "too many dimensions": one(shape=(1,) * 17),
    "too few bytes": one(offsets=(0, 23)),
    "half a byte": one("F4", (49,)),
    "three offsets": one(offsets=(0, 24, 24)),
    "offsets backwards": one(offsets=(24, 0)),
    "begins late": one("F32", (5,), (4, 24)),
    "ends outside": one("F32", (7,), (0, 28)),
    "overlap": safetensors(
        {
            "a": {"dtype": "U8", "shape": [16], "data_offsets": [0, 16]},
            "b": {"dtype": "U8", "shape": [16], "data_offsets": [8, 24]},
        }
    ),
    "bytes of no tensor": safetensors(data_bytes=25),
    "too many values": safetensors(b'{"a":[' + b"1," * checker.MAX_COMMAS + b"1,1]}"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(content)

    assert refusal.value.code == "malformed_weights"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 25), st.binary(min_size=1, max_size=6)), max_size=5))
def test_a_mutated_file_is_read_or_refused_and_nothing_else(edits: list[tuple[int, bytes]]) -> None:
    content = bytearray(SOUND)
    for position, replacement in edits:
        content[position : position + len(replacement)] = replacement
    try:
        header = read(bytes(content))
    except BadRequest:
        return
    assert header.tensors >= 1


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_any_json_in_place_of_a_tensor_is_read_or_refused(value: object) -> None:
    with pytest.raises(BadRequest):
        read(one(shape=value, offsets=value))


def test_a_length_of_all_ones_does_not_overflow() -> None:
    with pytest.raises(BadRequest):
        read(struct.pack("<Q", 2**64 - 1) + b"{}")
