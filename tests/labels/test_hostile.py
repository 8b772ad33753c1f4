"""Files made to hang, fill or break a reader end in a result or a refusal, soon and in little memory.

Bar: 2 seconds of a quiet core and 200 MB. Asserted is what holds on a busy machine too.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hanlin.errors import BadFile
from hanlin.labels import Imprint, Trust, inspect_file, label_file
from hanlin.labels.evidence.samples import SAMPLES
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.types import Label
from tests.labels.hostile_files import FILES

pytestmark = pytest.mark.asyncio(loop_scope="module")
IMPRINT = Imprint(Label("1", "00119144030008867405X2100A1", "n1", "", "00119144030008867405X2100A1", "n1", ""))
SECONDS = 10
MEMORY_MIB = 256
_BROKEN = ("longer than", "broke what reads it", "more memory", "cannot be read (")
"""How the sandbox says that it had to step in."""
_SHARES = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.99)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(Ceilings(seconds=SECONDS, memory_mib=MEMORY_MIB), processes=1)
    yield sandbox
    await sandbox.close()


async def _inspected(sandbox: Sandbox, file: Path) -> None:
    try:
        await sandbox.run(inspect_file, str(file), file.name, Trust())
    except BadFile as refused:
        assert not any(words in refused.message for words in _BROKEN), refused.message  # noqa: PT017 - both ends are fine


def _labelled(file: Path, target: Path) -> None:
    started = time.monotonic()
    try:
        label_file(file, target, IMPRINT)
    except BadFile as refused:
        assert refused.code != "label_not_kept"  # noqa: PT017 - both ends are fine
    assert time.monotonic() - started < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
async def test_a_hostile_file_ends_in_a_result_or_a_refusal(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(FILES[name]())
    await _inspected(sandbox, file)
    _labelled(file, tmp_path / "labelled")


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_cut_off_anywhere_ends_in_a_result_or_a_refusal(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    whole = SAMPLES[name]()
    lengths = {*range(1, 13), 30, 100, len(whole) - 1, *(int(len(whole) * share) for share in _SHARES)} - {0}
    file = tmp_path / name
    for length in sorted(one for one in lengths if one < len(whole)):
        file.write_bytes(whole[:length])
        await _inspected(sandbox, file)
        _labelled(file, tmp_path / "labelled")


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_whole_sample_is_inspected(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """What the cut ones are cut from is fine."""
    (tmp_path / name).write_bytes(SAMPLES[name]())
    found = await sandbox.run(inspect_file, str(tmp_path / name), name, Trust())
    assert (found.name, found.labels, found.unreadable) == (name, (), "")
