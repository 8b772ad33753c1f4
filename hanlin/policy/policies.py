"""The policies of one server: which there are, and which one judges a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from hanlin.errors import Misconfigured, NotFound, nearest
from hanlin.policy.checking import failures
from hanlin.policy.file import SHIPPED, PolicyFile, parse, read
from hanlin.policy.minors import Attendance
from hanlin.policy.policy import Ask, Policy
from hanlin.types import Actor, Service


class Policies:
    """The policies that serve now, by name. What changes them is `versions.Versions`."""

    def __init__(self, folder: Path, *, ask: Ask | None = None, cache: Path | None = None) -> None:
        self._folder = folder
        self._stamp: object = None
        self._ask = ask
        self._cache = cache
        self._attendance = Attendance()
        self._policies: dict[str, Policy] = {}
        self._assigned: Mapping[tuple[str, str], str] = {}

    @classmethod
    async def load(cls, folder: Path | None = None, *, ask: Ask | None = None, cache: Path | None = None) -> Policies:
        """Read every `*.toml` of a folder, or the shipped ones; `cache` keeps compiled word lists.

        Raises Misconfigured when a policy cannot be used, or one of its test sentences does not hold.
        """
        policies = cls(folder or SHIPPED, ask=ask, cache=cache)
        for policy in await policies.read():
            policies.put(policy)
        return policies

    async def read(self) -> list[Policy]:
        """What the folder says now, compiled and not serving yet. Raises Misconfigured as `load`."""
        self._stamp = await asyncio.to_thread(_stamp, self._folder)
        return await asyncio.to_thread(self._read)

    async def changed(self) -> bool:
        """Whether a file of the folder was changed since it was read last."""
        return await asyncio.to_thread(_stamp, self._folder) != self._stamp

    def get(self, name: str) -> Policy:
        """The policy of that name. Raises NotFound with the nearest names."""
        policy = self._policies.get(name)
        if policy is None:
            raise NotFound(f"No policy named {name[:64]!r}.", action=nearest(name, self._policies))
        return policy

    def all(self) -> tuple[Policy, ...]:
        """Every policy, by name."""
        return tuple(self._policies[name] for name in sorted(self._policies))

    def choose(self, service: Service, actor: Actor) -> Policy:
        """The policy for a service and who asks: what an administrator assigned to the workspace, else the service's.

        An assignment for this service comes before one for all services.
        """
        if self._assigned:
            for key in ((actor.workspace, service.name), (actor.workspace, "")):
                if key in self._assigned:
                    return self.get(self._assigned[key])
        return self.get(service.policy)

    def usual(self, actor: Actor) -> Policy:
        """The policy for what belongs to no service: that of the actor's workspace, else `default`, else the first."""
        first = self._policies.get("default") or self.all()[0]
        return self.choose(Service(name="", models=(), policy=first.name), actor)

    async def compile(self, source: str, place: str = "The policy") -> Policy:
        """A policy from its TOML, ready to judge and not yet serving. Raises Misconfigured."""
        return await asyncio.to_thread(lambda: self._compile(parse(source, place=place)))

    def put(self, policy: Policy) -> None:
        """Let a policy serve from now on, in the place of one of its name; answers under way keep theirs."""
        self._policies = {**self._policies, policy.name: policy}

    def assign(self, assigned: Mapping[tuple[str, str], str]) -> None:
        """From now on: (workspace, service or "") -> policy."""
        self._assigned = dict(assigned)

    def _read(self) -> list[Policy]:
        paths = sorted(self._folder.glob("*.toml"))
        if not paths:
            raise Misconfigured(
                f"{self._folder} holds no policy file (*.toml).", action="Put one there or unset `policies`."
            )
        found: dict[str, Policy] = {}
        for path in paths:
            policy = self._compile(read(path))
            if policy.name in found:
                raise Misconfigured(f"{path}: policy {policy.name!r} is in two files.", action="Rename or remove one.")
            for failure in failures(policy):
                wanted = "find" if failure.expected == "hit" else "pass"
                raise Misconfigured(
                    f"{path}: rule {failure.rule!r} should {wanted} {failure.sentence!r}, got {failure.got}.",
                    action="Mend the rule or its test sentence.",
                )
            found[policy.name] = policy
        return list(found.values())

    def _compile(self, file: PolicyFile) -> Policy:
        return Policy.from_file(file, ask=self._ask, cache=self._cache, attendance=self._attendance)


def _stamp(folder: Path) -> object:
    """Names, sizes and times of the files that policies are made of."""
    files = sorted([*folder.glob("*.toml"), *folder.glob("**/*.csv")])
    return [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
