"""The rooms around marks on files, built and tied together."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hanlin.app.ground import Ground
from hanlin.app.sealing import keys_folder, spoken_label, trust
from hanlin.labels import Labeller
from hanlin.labels.fingerprint.index import Index
from hanlin.labels.unlabelled import Agreements
from hanlin.registry import Registry
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Seals, Signing
from hanlin.settings import Settings

MARKING = Ceilings(seconds=600, memory_mib=2048)
"""For files of people with a key; a minute of video is encoded anew in several."""
CHECKING = Ceilings(seconds=30, memory_mib=1024)
"""For files of anybody."""


@dataclass(frozen=True, slots=True)
class Marks:
    index: Index
    agreements: Agreements
    seals: Seals


async def open_marks(settings: Settings, stack: AsyncExitStack, ground: Ground, registry: Registry) -> Marks:
    """What marks files and checks marks, with its signing material, its index and its child processes."""
    agreements = Agreements(
        ground.database,
        ground.announce,
        allowed=settings.unlabelled_on_request,
        retention_days=settings.retention_days,
    )
    index = Index(ground.database)
    folder = Path(settings.data) / "uploads"
    await asyncio.to_thread(empty, folder)
    believed = await asyncio.to_thread(trust, settings)
    marking, checking = Sandbox(MARKING), Sandbox(CHECKING)
    stack.push_async_callback(marking.close)
    stack.push_async_callback(checking.close)
    seals = Seals(
        record=ground.record,
        index=index,
        agreements=agreements,
        labeller=Labeller(settings.operator, settings.social_credit_code),
        marking=marking,
        checking=checking,
        signing=Signing(
            str(keys_folder(settings).resolve()),
            settings.operator,
            settings.label_security,
            settings.time_stamp_url,
            spoken_label(settings),
        ),
        trust=believed,
        folder=folder.resolve(),
        upload_bytes=settings.upload_bytes,
        model_of_code=lambda code: next((one.model.name for one in registry.models() if one.model.code == code), ""),
    )
    return Marks(index, agreements, seals)


def empty(folder: Path) -> None:
    """Make a folder for files that are worked on, without what a crash left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
