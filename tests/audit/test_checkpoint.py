"""Checkpoints are C2SP signed notes, and only a whole note of the right key opens."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hanlin.audit import verifier
from hanlin.audit.checkpoint import (
    Checkpoint,
    VerifierKey,
    check_name,
    open_checkpoint,
    open_note,
    parse_vkey,
    sign,
)
from hanlin.errors import BadRequest

VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example key and note of the signed-note format."""

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OURS = VerifierKey("log.example/1", KEY.public_key().public_bytes_raw())
SIGNED = sign(Checkpoint("log.example/1", 42, b"r" * 32), KEY)


def test_the_formats_own_example_opens() -> None:
    assert str(parse_vkey(VKEY)) == VKEY
    assert open_note(NOTE, parse_vkey(VKEY)) == NOTE.partition("\n\n")[0] + "\n"


def test_a_signed_checkpoint_opens_here_and_in_the_verifier() -> None:
    assert open_checkpoint(SIGNED, parse_vkey(str(OURS))) == Checkpoint("log.example/1", 42, b"r" * 32)
    assert verifier.open_checkpoint(SIGNED, verifier.parse_vkey(str(OURS))) == (42, b"r" * 32)


def test_a_cosignature_of_somebody_else_does_not_disturb() -> None:
    assert open_checkpoint(SIGNED + "— witness.example AAAA\n", OURS).size == 42


def test_another_key_of_the_same_name_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
    vkey = VerifierKey("log.example/1", other.public_key().public_bytes_raw())
    with pytest.raises(BadRequest, match="no valid signature"):
        open_checkpoint(SIGNED, vkey)


@given(st.integers(0, len(SIGNED) - 1), st.characters(codec="utf-8"))
def test_no_changed_character_goes_unnoticed(position: int, character: str) -> None:
    changed = SIGNED[:position] + character + SIGNED[position + 1 :]
    if changed == SIGNED:
        return
    for reader in (lambda: open_checkpoint(changed, OURS), lambda: _verifier_opens(changed)):
        try:
            reader()
        except (BadRequest, verifier.Bad):
            continue
        # base64 has spare bits in its last character: the decoded signature is the same
        assert changed.partition("\n\n")[0] == SIGNED.partition("\n\n")[0]


def _verifier_opens(note: str) -> None:
    verifier.open_checkpoint(note, verifier.parse_vkey(str(OURS)))


@given(st.text(max_size=300))
def test_any_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest):
        open_checkpoint(text, OURS)
    with pytest.raises(BadRequest):
        parse_vkey(text)


@pytest.mark.parametrize("size", ["-1", "042", "4e2", "٤٢", "9" * 30, ""])
def test_a_size_that_is_not_a_plain_number_is_refused_though_signed(size: str) -> None:
    text = f"log.example/1\n{size}\n{'A' * 43}=\n"
    raw = OURS.key_id + KEY.sign(text.encode())
    import base64

    note = f"{text}\n— log.example/1 {base64.b64encode(raw).decode()}\n"
    assert open_note(note, OURS) == text
    with pytest.raises(BadRequest):
        open_checkpoint(note, OURS)


def test_a_long_note_is_not_read() -> None:
    with pytest.raises(BadRequest, match="too long"):
        open_checkpoint("x" * 20_000, OURS)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "x" * 201, "\x00"])
def test_a_name_that_would_break_the_format_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        check_name(name)
