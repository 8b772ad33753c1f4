"""A restored backup is recognised by the checkpoint that was kept elsewhere, and nothing smaller is ever signed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hanlin.audit.anchor import Anchor
from hanlin.audit.checkpoint import open_checkpoint, parse_vkey
from hanlin.errors import AuditUnavailable, Conflict
from tests.audit.cast import COLLEAGUE, ORIGIN, generate, opened


async def grown(folder: Path, copy: Path | None, count: int) -> None:
    async with opened(folder, checkpoint_copy=copy) as log:
        for _ in range(count):
            await generate(log)


@pytest.mark.parametrize("kept", ["file", "copy"])
async def test_a_restored_backup_appends_nothing_until_the_gap_is_on_record(tmp_path: Path, kept: str) -> None:
    folder, copy = tmp_path / "log", tmp_path / "elsewhere"
    await grown(folder, copy, 3)
    shutil.copytree(folder, tmp_path / "backup")
    await grown(folder, copy, 20)
    held = (folder / "checkpoint").read_text()
    shutil.copy(tmp_path / "backup" / "audit.db", folder / "audit.db")
    if kept == "copy":
        (folder / "checkpoint").unlink()

    async with opened(folder, checkpoint_copy=copy) as log:
        assert (log.ready, log.size) == (False, 8)
        for submit in (lambda: log.intend("r", COLLEAGUE, "", b""), log.checkpoint):
            with pytest.raises(AuditUnavailable) as refused:
                await submit()
            assert refused.value.code == "audit_behind_checkpoint"
        assert len((await log.entries()).entries) == 8, "reading works"
    async with opened(folder, checkpoint_copy=copy) as log:
        assert not log.ready, "it stays so"
        seq = await log.record_gap("disk died, backup of the day before")
        assert (seq, log.ready) == (8, True)
        old = open_checkpoint(held, parse_vkey(log.vkey))
        gap = (await log.entries(before=seq + 1, limit=1)).entries[0].leaf
        assert gap.facts == {  # type: ignore[union-attr]
            "held_root": old.root.hex(),
            "held_size": old.size,
            "lost_from": 8,
            "reason": "disk died, backup of the day before",
        }
        assert log.size > old.size, "no number is used twice"
        request = await generate(log)
        assert (await log.receipt(request)).outcome is not None
        with pytest.raises(Conflict):
            await log.record_gap("again")
    sizes = re.findall(f"^{re.escape(ORIGIN)}\n(.+)\n", (copy / "checkpoints").read_text(), re.MULTILINE)
    assert [int(size) for size in sizes] == sorted({int(size) for size in sizes}), "no smaller tree was signed"
    async with opened(folder, checkpoint_copy=copy) as log:
        assert log.ready
        assert (await log.verify()).entries == log.size


async def test_another_past_of_the_same_length_is_refused_too(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    await grown(folder, None, 2)
    shutil.copytree(folder, tmp_path / "fork")
    await grown(folder, None, 2)
    await grown(tmp_path / "fork", None, 5)
    shutil.copy(tmp_path / "fork" / "audit.db", folder / "audit.db")
    async with opened(folder) as log:
        assert not log.ready
        with pytest.raises(AuditUnavailable):
            log.intend("r", COLLEAGUE, "", b"")
        await log.record_gap("found a fork")
        assert log.ready


async def test_torn_and_foreign_notes_in_the_copy_are_passed_over(tmp_path: Path) -> None:
    folder, copy = tmp_path / "log", tmp_path / "elsewhere"
    await grown(folder, copy, 1)
    file = copy / "checkpoints"
    whole = file.read_text()
    async with opened(folder, checkpoint_copy=copy) as log:
        vkey = parse_vkey(log.vkey)
    anchor = Anchor(tmp_path / "empty", copy)
    for tail in (
        "",
        f"{ORIGIN}\n999\nAAAA",
        f"{ORIGIN}\n999\nAAAA\n\n— {ORIGIN} AAAA\n",
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ):
        file.write_text(whole + tail)
        assert [c.size for c in anchor.held(vkey)] == [4]
    file.write_text("nothing\n")
    assert anchor.held(vkey) == []


async def test_a_log_without_any_held_checkpoint_opens(tmp_path: Path) -> None:
    await grown(tmp_path, None, 1)
    (tmp_path / "checkpoint").unlink()
    async with opened(tmp_path) as log:
        assert log.ready
