"""The whole log against a list: whatever is done in whatever order, it says what was acknowledged, and proves it."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hanlin.audit import Event, Log, verifier
from hanlin.audit.checkpoint import Checkpoint, open_checkpoint, parse_vkey
from hanlin.audit.export import export
from hanlin.audit.store import Reader, open_reader
from hanlin.audit.tree import consistency_proof, verify_consistency
from hanlin.errors import Conflict, NotFound
from hanlin.types import Actor
from tests.audit.cast import COLLEAGUE, MASTER_KEY, ORIGIN, STRANGER, outcome

T = TypeVar("T")
ACTORS = st.sampled_from([COLLEAGUE, STRANGER])


class LogAgainstList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp())
        self.lives = 0
        self.events: list[str] = []
        self.requests: dict[str, str] = {}
        """Request -> its person; only those with both leaves."""
        self.open: list[tuple[str, Actor]] = []
        self.erased: set[str] = set()
        self.keyed: set[str] = set()
        """People with a leaf since their last erasure."""
        self.held: set[str] = set()
        self.signed: list[Checkpoint] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @property
    def folder(self) -> Path:
        return self.home / str(self.lives)

    @initialize()
    def start(self) -> None:
        self.log = self.run(Log.open(self.folder, origin=ORIGIN, master_key=MASTER_KEY))
        self.events.append("server:started")

    @rule(actor=ACTORS, count=st.integers(1, 40), body=st.binary(max_size=20))
    def intend(self, actor: Actor, count: int, body: bytes) -> None:
        async def submit() -> list[int]:
            names = [f"r{len(self.events) + i}" for i in range(count)]
            self.open += [(name, actor) for name in names]
            self.keyed.add(actor.person)
            return await asyncio.gather(*(self.log.intend(name, actor, "chat", body) for name in names))

        assert self.run(submit()) == list(range(len(self.events), len(self.events) + count))
        self.events += ["generation:intent"] * count

    @precondition(lambda self: self.open)
    @rule()
    def conclude(self) -> None:
        async def submit() -> list[int]:
            return await asyncio.gather(*(self.log.conclude(name, actor, outcome()) for name, actor in self.open))

        assert self.run(submit()) == list(range(len(self.events), len(self.events) + len(self.open)))
        self.events += ["generation:outcome"] * len(self.open)
        self.requests |= {name: actor.person for name, actor in self.open}
        self.keyed |= {actor.person for _, actor in self.open}
        self.open.clear()

    @rule(event=st.sampled_from([Event.KEY_CREATED, Event.POLICY_CHANGED]))
    def record(self, event: Event) -> None:
        async def submit() -> int:
            return await self.log.record(event, None, {"n": len(self.events)})

        assert self.run(submit()) == len(self.events)
        self.events.append(event)

    @rule()
    def checkpoint(self) -> None:
        note = self.run(self.log.checkpoint())
        checkpoint = open_checkpoint(note, parse_vkey(self.log.vkey))
        assert checkpoint.size == len(self.events)
        self.signed.append(checkpoint)

    @rule(actor=ACTORS)
    def erase(self, actor: Actor) -> None:
        if actor.person in self.held:
            try:
                self.run(self.log.erase(actor.person, "request"))
            except Conflict:
                return
            raise AssertionError("a hold was passed over")
        seq = self.run(self.log.erase(actor.person, "request"))
        assert seq == (len(self.events) if actor.person in self.keyed else None)
        if seq is not None:
            self.events.append("erasure:done")
            self.keyed.discard(actor.person)
            self.erased |= {r for r, p in self.requests.items() if p == actor.person}
            self.erased |= {r for r, a in self.open if a.person == actor.person}

    @rule(actor=ACTORS)
    def hold(self, actor: Actor) -> None:
        if actor.person in self.held:
            self.run(self.log.lift_hold(actor.person, "closed"))
            self.held.discard(actor.person)
            self.events.append("hold:lifted")
        else:
            self.run(self.log.hold(actor.person, "case"))
            self.held.add(actor.person)
            self.events.append("hold:placed")

    @rule()
    def restart(self) -> None:
        self.run(self.log.close())
        self.events += ["server:stopped", "server:started"]
        self.log = self.run(Log.open(self.folder, origin=ORIGIN, master_key=MASTER_KEY))
        self.open.clear()

    @rule()
    def crash(self) -> None:
        """What is on the disk at this moment is all that the next life gets."""
        shutil.copytree(self.folder, self.home / str(self.lives + 1))
        self.run(self.log.close())
        self.lives += 1
        self.log = self.run(Log.open(self.folder, origin=ORIGIN, master_key=MASTER_KEY))
        assert self.log.unknown_outcomes == len(self.open)
        self.events.append("server:started")
        self.open.clear()

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def receipt(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(sorted(self.requests)))
        receipt = self.run(self.log.receipt(request))
        assert verifier.verify_receipt(receipt.json(), self.log.vkey, {})
        try:
            found = self.run(self.log.disclose(request))
        except NotFound:
            assert request in self.erased
            return
        self.events.append("record:disclosed")
        assert found.person == self.requests[request]
        assert request not in self.erased

    @rule()
    def verify(self) -> None:
        assert self.run(self.log.verify()).entries == len(self.events)

    @rule()
    def export(self) -> None:
        self.run(self.log.checkpoint())
        folder = Path(tempfile.mkdtemp(dir=self.home)) / "export"
        reader = Reader(open_reader(self.folder / "audit.db"))
        list(export(reader, folder))
        reader.connection.close()
        assert verifier.verify_export(folder, self.log.vkey, [])

    @invariant()
    def log_equals_list(self) -> None:
        if not self.events:
            return
        reader = Reader(open_reader(self.folder / "audit.db"))
        found = [json.loads(leaf)["event"] for leaf in reader.leaves(0, reader.size())]
        newest = Checkpoint(ORIGIN, reader.size(), reader.root(reader.size()))
        for old in self.signed:
            proof = consistency_proof(old.size, newest.size, reader.node)
            assert verify_consistency(old.size, newest.size, old.root, newest.root, proof)
        reader.connection.close()
        assert found == self.events
        assert self.log.size == len(self.events)

    def teardown(self) -> None:
        if self.events:
            self.run(self.log.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.home)


TestLogAgainstList = pytest.mark.slow(LogAgainstList.TestCase)
TestLogAgainstList.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
