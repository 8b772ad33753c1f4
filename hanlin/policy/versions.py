"""Every version a policy ever had, who published it and why; publishing, rolling back, comparing."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.errors import BadRequest, Conflict, Misconfigured, NotAllowed, NotFound
from hanlin.policy.checking import Preview, Sample, failures, preview, shipped_samples
from hanlin.policy.file import write
from hanlin.policy.policies import Policies
from hanlin.policy.policy import Policy, language_of_text
from hanlin.policy.tables import assignments, samples, serving, versions
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, new_id, unheard

Origin = Literal["file", "console"]
SAMPLES = 10_000
"""Most samples kept; a preview judges all of them."""


class PolicyVersion(Struct, frozen=True):
    """One version of a policy, without its text."""

    name: str
    version: str
    origin: Origin
    note: str
    person: str
    """Who published it; empty for the settings' folder."""
    at: int
    """Unix seconds."""
    serving: bool


class Assignment(Struct, frozen=True):
    """A workspace's own policy for one service, or for all when `service` is empty."""

    workspace: str
    service: str
    policy: str


class Versions:
    """Made once per server over its `Policies`; `open` before serving."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        announce: Announce = unheard,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._policies = policies
        self._announce = announce
        self._clock = clock

    async def open(self) -> None:
        """Note the versions of the settings' folder, and let serve what was published last.

        A version published on the console stays until another is; one from the folder follows the folder.
        """
        await self._take(self._policies.all())

    async def refresh(self) -> None:
        """Take over what other servers have published, and what changed in the settings' folder.

        Called every few seconds; cheap when nothing changed. Raises Misconfigured when a changed file cannot be used:
        nothing changes then.
        """
        if await self._policies.changed():
            await self._take(await self._policies.read())
        else:
            await self._follow()

    async def _take(self, policies: Iterable[Policy]) -> None:
        """Note these as the folder's versions, and let those serve that the console has not replaced."""
        async with self._database.write() as connection:
            pointers = {row.name: row for row in await connection.execute(select(serving))}
            for policy in policies:
                await self._keep(connection, policy, "file")
                pointer = pointers.get(policy.name)
                if pointer is None or (pointer.origin == "file" and pointer.version != policy.version):
                    await self._point(connection, policy.name, policy.version, "file")
                if pointer is None or pointer.origin == "file":
                    self._policies.put(policy)
        await self._follow()

    async def _follow(self) -> None:
        async with self._database.read() as connection:
            pointers = list(await connection.execute(select(serving)))
            assigned = list(await connection.execute(select(assignments)))
        self._policies.assign({(row.workspace_id, row.service): row.policy for row in assigned})
        now = {policy.name: policy.version for policy in self._policies.all()}
        for pointer in pointers:
            if now.get(pointer.name) != pointer.version:
                source = await self.source(pointer.name, pointer.version)
                self._policies.put(await self._policies.compile(source, f"Policy {pointer.name}@{pointer.version}"))

    async def list(self, actor: Actor, name: str) -> list[PolicyVersion]:
        """The versions of a policy, the newest first. Raises NotFound."""
        _require_reader(actor)
        self._policies.get(name)
        async with self._database.read() as connection:
            pointer = (await connection.execute(select(serving.c.version).where(serving.c.name == name))).scalar()
            rows = await connection.execute(
                select(versions).where(versions.c.name == name).order_by(versions.c.at.desc(), versions.c.version)
            )
            return [_version(row, pointer or "") for row in rows]

    async def source(self, name: str, version: str = "") -> str:
        """The TOML of a version, of the serving one by default. Raises NotFound."""
        version = version or self._policies.get(name).version
        statement = select(versions.c.source).where(versions.c.name == name, versions.c.version == version)
        async with self._database.read() as connection:
            source = (await connection.execute(statement)).scalar()
        if source is None:
            raise NotFound(f"Policy {name[:64]!r} has no version {version[:12]!r}.", action="See the list of versions.")
        return str(source)

    async def difference(self, actor: Actor, name: str, before: str, after: str) -> str:
        """What changed between two versions, as a unified diff of their TOML."""
        _require_reader(actor)
        old, new = await self.source(name, before), await self.source(name, after)
        return await asyncio.to_thread(_difference, old, new, f"{name}@{before}", f"{name}@{after}")

    async def preview(self, actor: Actor, source: str) -> tuple[Policy, Preview, str]:
        """What publishing this TOML would change: the compiled policy, its effect on the samples, and the diff."""
        _require_writer(actor)
        proposed = await self._compiled(source)
        effect = await self._effect(actor, proposed)
        old = await self.source(proposed.name) if self._serving(proposed.name) else ""
        changed = await asyncio.to_thread(_difference, old, write(proposed.file), "serving", "proposed")
        return proposed, effect, changed

    async def publish(
        self,
        actor: Actor,
        name: str,
        source: str,
        note: str,
        *,
        serving_version: str | None = None,
        accept_worse: bool = False,
    ) -> Policy:
        """Let this TOML serve from now on as the policy of that name, which it must say itself.

        Raises BadRequest when it cannot be used or one of its test sentences fails; Conflict when what serves is not
        `serving_version` any more, or when more samples would come out wrong than now, unless that is accepted.
        """
        _require_writer(actor)
        policy = await self._compiled(source)
        if policy.name != name:
            raise BadRequest(f"The policy says its name is {policy.name!r}, expected {name[:64]!r}.", param="name")
        for failure in await asyncio.to_thread(failures, policy):
            wanted = "find" if failure.expected == "hit" else "let pass"
            raise BadRequest(
                f"Rule {failure.rule!r} should {wanted} its test sentence {failure.sentence[:80]!r}: {failure.got}.",
                action="Mend the rule or the sentence.",
                param="source",
            )
        if not accept_worse:
            _refuse_worse(await self._effect(actor, policy))
        async with self._database.write() as connection:
            pointer = (
                await connection.execute(select(serving.c.version).where(serving.c.name == policy.name))
            ).scalar()
            if serving_version is not None and pointer not in (None, serving_version):
                raise Conflict(
                    f"Policy {policy.name!r} was changed meanwhile: {pointer} serves, not {serving_version[:12]}.",
                    action="Look at the change, and publish again.",
                )
            await self._keep(connection, policy, "console", person=actor.person, note=note)
            await self._point(connection, policy.name, policy.version, "console")
        await self._tell(actor, policy, "published")
        self._policies.put(policy)
        return policy

    async def roll_back(self, actor: Actor, name: str, version: str) -> Policy:
        """Let an earlier version serve again."""
        _require_writer(actor)
        policy = await self._policies.compile(await self.source(name, version), f"Policy {name}@{version}")
        async with self._database.write() as connection:
            await self._point(connection, name, version, "console")
        await self._tell(actor, policy, "rolled back")
        self._policies.put(policy)
        return policy

    async def assign(self, actor: Actor, workspace: str, service: str, policy: str) -> None:
        """Give a workspace its own policy for a service, or for all (`service` empty); `policy` empty takes it back."""
        _require_writer(actor)
        if policy:
            self._policies.get(policy)
        async with self._database.write() as connection:
            await connection.execute(
                delete(assignments).where(assignments.c.workspace_id == workspace, assignments.c.service == service)
            )
            if policy:
                values = {"workspace_id": workspace, "service": service, "policy": policy}
                await connection.execute(insert(assignments).values(values))
        facts: dict[str, str | int] = {
            "workspace": workspace,
            "service": service,
            "policy": policy,
            "change": "assigned",
        }
        await self._announce("policy:changed", actor, facts)
        await self._follow()

    async def assigned(self, actor: Actor) -> tuple[Assignment, ...]:
        """Which workspaces have a policy of their own."""
        _require_reader(actor)
        async with self._database.read() as connection:
            rows = await connection.execute(select(assignments).order_by(assignments.c.workspace_id))
            return tuple([Assignment(row.workspace_id, row.service, row.policy) for row in rows])

    async def samples(self, actor: Actor) -> tuple[Sample, ...]:
        """The sentences a change is previewed on: the shipped ones, and those that decisions of the review made."""
        _require_writer(actor)
        async with self._database.read() as connection:
            rows = list(await connection.execute(select(samples).order_by(samples.c.id).limit(SAMPLES)))
        own = [Sample(r.id, r.text, r.language, r.expected, r.category, origin=r.origin) for r in rows]
        return (*own, *await asyncio.to_thread(shipped_samples))

    async def add_sample(
        self,
        text: str,
        expected: Literal["allow", "refuse"],
        *,
        category: str = "",
        origin: Literal["decision", "console"] = "console",
        person: str | None = None,
    ) -> Sample:
        """Keep a sentence with what should become of it; the caller has checked who asks.

        `person` is whose text it is: it goes with them.
        """
        if not 0 < len(text) <= 20_000:
            raise BadRequest(f"A sample has 1 to 20,000 characters, got {len(text)}.", param="text")
        sample = Sample(new_id("smp"), text, language_of_text(text), expected, category, origin=origin)
        async with self._database.write() as connection:
            values = {name: getattr(sample, name) for name in ("id", "text", "language", "expected", "category")}
            row = {**values, "origin": origin, "person_id": person, "at": int(self._clock())}
            await connection.execute(insert(samples).values(row))
        return sample

    async def remove_sample(self, actor: Actor, sample_id: str) -> None:
        """Forget a sentence. Raises NotFound; shipped ones stay."""
        _require_writer(actor)
        async with self._database.write() as connection:
            gone = await connection.execute(delete(samples).where(samples.c.id == sample_id))
        if not gone.rowcount:
            raise NotFound("No such sample.", action="Shipped samples cannot be removed.")

    def _serving(self, name: str) -> Policy | None:
        return next((policy for policy in self._policies.all() if policy.name == name), None)

    async def _effect(self, actor: Actor, proposed: Policy) -> Preview:
        return await asyncio.to_thread(preview, self._serving(proposed.name), proposed, await self.samples(actor))

    async def _compiled(self, source: str) -> Policy:
        try:
            return await self._policies.compile(source)
        except Misconfigured as error:  # here the author of the text is to blame, not the operator's settings
            raise BadRequest(error.message, action=error.action, param="source") from None

    async def _tell(self, actor: Actor, policy: Policy, change: str) -> None:
        facts: dict[str, str | int] = {"policy": policy.name, "version": policy.version, "change": change}
        await self._announce("policy:changed", actor, facts)

    async def _keep(
        self, connection: AsyncConnection, policy: Policy, origin: Origin, *, person: str = "", note: str = ""
    ) -> None:
        here = versions.c.name == policy.name, versions.c.version == policy.version
        if (await connection.execute(select(versions.c.version).where(*here))).first() is None:
            author = {"note": note[:400], "person_id": person, "at": int(self._clock())}
            row = {"name": policy.name, "version": policy.version, "origin": origin, "source": write(policy.file)}
            await connection.execute(insert(versions).values(**row, **author))

    async def _point(self, connection: AsyncConnection, name: str, version: str, origin: Origin) -> None:
        values = {"version": version, "origin": origin, "at": int(self._clock())}
        changed = await connection.execute(update(serving).where(serving.c.name == name).values(values))
        if not changed.rowcount:
            await connection.execute(insert(serving).values(name=name, **values))


def _refuse_worse(effect: Preview) -> None:
    if effect.wrong_after > effect.wrong_before:
        raise Conflict(
            f"{effect.wrong_after} of {effect.samples} samples would come out wrong; now it is {effect.wrong_before}.",
            action="Look at the preview; publish with `accept_worse` if that is meant.",
        )


def _version(row: Row[Any], serves: str) -> PolicyVersion:
    return PolicyVersion(row.name, row.version, row.origin, row.note, row.person_id, row.at, row.version == serves)


def _difference(old: str, new: str, old_name: str, new_name: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, n=2, lineterm="")
    return "\n".join(lines)


def _require_reader(actor: Actor) -> None:
    if not actor.permissions & {Permission.WRITE_POLICY, Permission.REVIEW, Permission.READ_AUDIT}:
        raise NotAllowed(
            "This needs the permission 'policy:write', 'review' or 'audit:read'.", action="Ask an administrator."
        )


def _require_writer(actor: Actor) -> None:
    if Permission.WRITE_POLICY not in actor.permissions:
        raise NotAllowed("This needs the permission 'policy:write'.", action="Ask an administrator.")
