"""Files made to hang, fill or break a reader end in a document or a refusal, soon and in little memory.

Bar: 2 seconds of a quiet core and 200 MB. Asserted is what holds on a busy machine too.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hanlin.errors import BadFile
from hanlin.reading import Limits, read
from hanlin.sandbox import Ceilings, Sandbox
from tests.reading.hostile_files import FILES
from tests.reading.samples import DOCUMENTS, IMAGES, LETTER, docx, epub, pdf, pptx, xlsx

pytestmark = pytest.mark.asyncio(loop_scope="module")
_STEPPED_IN = ("longer than", "more memory", "cannot be read (")
"""How the sandbox says that it had to end the work or that an error was not foreseen."""
_TOO_MUCH_FOR_PDFIUM = frozenset({"bomb.pdf"})
"""It ends its process when memory does; the sandbox makes a refusal of that."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(Ceilings(seconds=10, memory_mib=256), processes=1)
    yield sandbox
    await sandbox.close()


async def refusal(sandbox: Sandbox, file: Path) -> str:
    """Why a file was refused; "" when it was read."""
    try:
        await sandbox.run(read, str(file), file.name, Limits())
    except BadFile as refused:
        return refused.message
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
async def test_a_hostile_file_ends_in_a_document_or_a_refusal(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(FILES[name]())
    why = await refusal(sandbox, file)
    assert not any(words in why for words in _STEPPED_IN), why
    assert "broke what reads it" not in why or name in _TOO_MUCH_FOR_PDFIUM


@pytest.mark.slow
@pytest.mark.parametrize("make", [docx, pptx, xlsx, epub, lambda: pdf([(60, 700, 10, "Words.")]), lambda: LETTER])
async def test_damaged_files_are_read_or_refused(make: object, sandbox: Sandbox, tmp_path: Path) -> None:
    """Cut anywhere, and with bytes changed anywhere: forty of each kind, the same ones each time."""
    assert callable(make)
    whole, chance = make(), random.Random(5)
    for number in range(40):
        data = bytearray(whole)
        if number % 2:
            del data[chance.randrange(1, len(data)) :]
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file = tmp_path / "damaged"
        file.write_bytes(data)
        why = await refusal(sandbox, file)
        assert not any(words in why for words in (*_STEPPED_IN, "broke what reads it")), (number, why)


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="shared data absent")
async def test_real_files_of_many_programs_are_read(sandbox: Sandbox) -> None:
    files = sorted([*DOCUMENTS.iterdir(), *IMAGES.iterdir()])
    assert [(file.name, await refusal(sandbox, file)) for file in files] == [(file.name, "") for file in files]
