"""Keys: standard HMAC, one record opened by one key, nothing without the master key."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from hanlin.audit.keys import (
    SubjectKey,
    commitment,
    pseudonym,
    record_key,
    seal,
    seal_person,
    unseal_person,
    unwrap,
)
from hanlin.errors import Misconfigured

KEY = bytes(range(32))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_commitments_and_record_keys_are_plain_hmac(key: bytes, text: bytes) -> None:
    assert commitment(key, b"in", text) == hmac.digest(key, b"in" + text, "sha256")
    made = SubjectKey(1, key)
    expected = record_key(key, "req_1", "generation:intent")
    assert made.record_key(b"req_1generation:intent") == expected
    assert made.record_key(b"req_1generation:intent") == expected, "the prepared state is not used up"


def test_input_and_output_of_the_same_text_differ() -> None:
    assert commitment(KEY, b"in", b"yes") != commitment(KEY, b"out", b"yes")


def test_each_request_and_event_has_its_own_key() -> None:
    keys = {record_key(KEY, r, e) for r in ("req_1", "req_2") for e in ("generation:intent", "generation:outcome")}
    assert len(keys) == 4


def test_a_sealed_person_opens_with_the_record_key_only() -> None:
    box = seal_person(KEY, "per_1")
    assert unseal_person(KEY, box) == "per_1"
    with pytest.raises(InvalidTag):
        unseal_person(KEY[::-1], box)


def test_another_master_key_is_named_as_the_cause() -> None:
    with pytest.raises(Misconfigured, match="master key does not open"):
        unwrap(KEY[::-1], seal(KEY, b"secret", b"context"), b"context")


def test_a_pseudonym_is_not_the_hash_of_the_id() -> None:
    assert pseudonym("per_1") != sha256(b"per_1").hexdigest()[:32]
