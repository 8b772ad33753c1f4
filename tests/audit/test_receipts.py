"""A receipt proves one generation offline; disclosure opens that one and no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.audit import Event, Receipt, verifier
from hanlin.audit.keys import commitment
from hanlin.errors import NotFound
from tests.audit.cast import COLLEAGUE, generate, opened

VERIFIER = Path(verifier.__file__)


def check(*arguments: str | Path) -> tuple[int, str]:
    """Runs the verifier as its reader would: another process that finds no Hanlin."""
    command = [sys.executable, "-I", str(VERIFIER), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def test_the_verifier_imports_nothing_of_hanlin() -> None:
    assert "hanlin." not in VERIFIER.read_text().split('"""', 2)[2]


async def test_a_receipt_covers_a_fresh_request_and_verifies_offline(tmp_path: Path) -> None:
    async with opened(tmp_path / "log") as log:
        for _ in range(5):
            await generate(log)
        request = await generate(log, body=b"who?", output=b"me")
        receipt = await log.receipt(request)
        keys = await log.disclose(request, COLLEAGUE)
        again = await log.receipt(request)
        disclosed = (await log.entries(limit=1)).entries[0].leaf
    assert (receipt.request, receipt.intent.index) == (request, 11)
    assert again.intent == receipt.intent
    assert (disclosed.event, disclosed.facts) == (Event.RECORD_DISCLOSED, {"request": request})  # type: ignore[union-attr]

    file, question, answer = tmp_path / "receipt.json", tmp_path / "in", tmp_path / "out"
    file.write_bytes(receipt.json())
    question.write_bytes(b"who?")
    answer.write_bytes(b"me")
    assert keys.outcome_key is not None
    opening: list[str | Path] = ["--input", question, "--input-key", keys.intent_key.hex()]
    opening += ["--output", answer, "--output-key", keys.outcome_key.hex()]
    assert keys.person == COLLEAGUE.person
    assert check(file)[0] == 0
    status, said = check(file, "--vkey", receipt.vkey, *opening)
    assert (status, said.count("input and output as recorded")) == (0, 1)
    answer.write_bytes(b"not me")
    assert check(file, *opening) == (1, "BAD the output is not the one that was recorded\n")


async def test_the_key_of_one_record_opens_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        first, second = await generate(log, body=b"same"), await generate(log, body=b"same")
        key = (await log.disclose(first)).intent_key
        inputs = [json.loads((await log.receipt(r)).intent.leaf)["input"] for r in (first, second)]
    import base64

    opened_by_key = base64.b64encode(commitment(key, b"in", b"same")).decode()
    assert [found == opened_by_key for found in inputs] == [True, False]


async def test_an_operator_with_another_key_is_not_believed(tmp_path: Path) -> None:
    async with opened(tmp_path / "a") as log, opened(tmp_path / "b") as other:
        receipt = await log.receipt(await generate(log))
        vkey = other.vkey
    file = tmp_path / "receipt.json"
    file.write_bytes(receipt.json())
    status, said = check(file, "--vkey", vkey)
    assert (status, said[:3]) == (1, "BAD")


async def test_the_tlog_proof_has_the_specified_form(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        request = await generate(log)
        receipt = await log.receipt(request)
    lines = receipt.tlog_proof().split("\n")
    assert receipt.outcome is not None
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {receipt.outcome.index}"]
    assert lines[2 + len(receipt.outcome.proof)] == ""
    assert receipt.tlog_proof().endswith("\n\n" + receipt.checkpoint)


async def test_after_an_erasure_there_is_a_proof_and_nothing_to_disclose(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        request = await generate(log)
        await log.erase(COLLEAGUE.person, "request")
        assert isinstance(await log.receipt(request), Receipt)
        with pytest.raises(NotFound):
            await log.disclose(request)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(verifier.Bad):
        verifier.verify_receipt(json.dumps(value).encode(), None, {})


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff", b'{"checkpoint": NaN}', b"9" * 10_000])
def test_hostile_bytes_are_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(verifier.Bad):
        verifier.verify_receipt(content, None, {})


async def test_no_changed_byte_of_a_receipt_goes_unnoticed(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await generate(log)
        receipt = await log.receipt(await generate(log))
    good = receipt.json()
    assert verifier.verify_receipt(good, receipt.vkey, {})
    fields = json.loads(good)
    for name in ("intent", "outcome"):
        leaf = fields[name]["leaf"]
        for position in range(len(leaf)):
            changed = json.loads(good)
            changed[name]["leaf"] = leaf[:position] + ("x" if leaf[position] != "x" else "y") + leaf[position + 1 :]
            with pytest.raises(verifier.Bad):
                verifier.verify_receipt(json.dumps(changed).encode(), receipt.vkey, {})
        for index in (-1, 0, 99, 10**30, True, "1"):
            changed = json.loads(good)
            changed[name]["index"] = index
            with pytest.raises(verifier.Bad):
                verifier.verify_receipt(json.dumps(changed).encode(), receipt.vkey, {})
