"""Policies: what serves, what a text would come to, what a change would change, and who gets which."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.policy import Judgement, Policy
from hanlin.policy.checking import Preview, Sample
from hanlin.policy.versions import Assignment, PolicyVersion
from hanlin.types import Permission

Source = Annotated[str, Meta(max_length=20_000_000)]
READ = allow(Permission.READ_REGISTRY)
WRITE = allow(Permission.WRITE_POLICY)


class PolicySummary(Struct, frozen=True):
    """A policy that serves."""

    name: str
    version: str
    title: str
    rules: int
    terms: int


class PolicyText(Struct, frozen=True):
    name: str
    version: str
    source: str
    """TOML."""


class Proposal(Struct, frozen=True):
    source: Source


class Publication(Struct, frozen=True):
    source: Source
    note: Annotated[str, Meta(max_length=400)] = ""
    serving_version: Annotated[str, Meta(max_length=12)] | None = None
    """What the change was made on; 409 when something else serves by now."""
    accept_worse: bool = False
    """Publish although more samples come out wrong than now."""


class Effect(Struct, frozen=True):
    """What publishing a proposal would change."""

    name: str
    version: str
    effect: Preview
    difference: str
    """Unified diff of the TOML."""


class Trial(Struct, frozen=True):
    text: Annotated[str, Meta(max_length=400_000)]
    where: Literal["input", "output"] = "input"
    minor: bool = False


class Return(Struct, frozen=True):
    version: Annotated[str, Meta(max_length=12)]


class NewSample(Struct, frozen=True):
    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    expected: Literal["allow", "refuse"]
    category: Annotated[str, Meta(max_length=8)] = ""


@get("/policies", opt=READ)
async def list_policies(rooms: House) -> list[PolicySummary]:
    """The policies that serve."""
    return [summary(policy) for policy in rooms.policies.all()]


@get("/policies/{name:str}", opt=WRITE)
async def get_policy(rooms: House, name: FromPath[str], version: FromQuery[str] = "") -> PolicyText:
    """The TOML of a policy, of the serving version by default."""
    serves = rooms.policies.get(name)
    return PolicyText(name, version or serves.version, await rooms.versions.source(name, version))


@get("/policies/{name:str}/versions", opt=READ)
async def list_versions(rooms: House, actor: Caller, name: FromPath[str]) -> list[PolicyVersion]:
    """Every version a policy ever had, the newest first."""
    return await rooms.versions.list(actor, name)


@get("/policies/{name:str}/difference", opt=READ)
async def compare_versions(
    rooms: House, actor: Caller, name: FromPath[str], before: FromQuery[str], after: FromQuery[str]
) -> dict[str, str]:
    """What changed between two versions."""
    return {"difference": await rooms.versions.difference(actor, name, before, after)}


@post("/policies/preview", opt=WRITE, status_code=200)
async def preview_policy(rooms: House, actor: Caller, data: JSONBody[Proposal]) -> Effect:
    """What publishing this TOML would change, on the samples and in the text; nothing is published."""
    policy, effect, difference = await rooms.versions.preview(actor, data.source)
    return Effect(policy.name, policy.version, effect, difference)


@put("/policies/{name:str}", opt=WRITE)
async def publish_policy(
    rooms: House, actor: Caller, name: FromPath[str], data: JSONBody[Publication]
) -> PolicySummary:
    """Let this TOML serve from now on."""
    policy = await rooms.versions.publish(
        actor,
        name,
        data.source,
        data.note,
        serving_version=data.serving_version,
        accept_worse=data.accept_worse,
    )
    return summary(policy)


@post("/policies/{name:str}/return", opt=WRITE, status_code=200)
async def roll_back(rooms: House, actor: Caller, name: FromPath[str], data: JSONBody[Return]) -> PolicySummary:
    """Let an earlier version serve again."""
    return summary(await rooms.versions.roll_back(actor, name, data.version))


@post("/policies/{name:str}/trial", opt=allow(Permission.REVIEW), status_code=200)
async def try_policy(rooms: House, name: FromPath[str], data: JSONBody[Trial]) -> Judgement:
    """What would happen to a text, and why; nothing is kept of it."""
    policy = rooms.policies.get(name)
    return await asyncio.to_thread(policy.judge, data.text, data.where, minor=data.minor)


@get("/policy_samples", opt=WRITE)
async def list_samples(rooms: House, actor: Caller) -> tuple[Sample, ...]:
    """The sentences a change is previewed on."""
    return await rooms.versions.samples(actor)


@post("/policy_samples", opt=WRITE)
async def add_sample(rooms: House, data: JSONBody[NewSample]) -> Sample:
    """Keep a sentence with what should become of it."""
    return await rooms.versions.add_sample(data.text, data.expected, category=data.category)


@delete("/policy_samples/{sample:str}", opt=WRITE)
async def remove_sample(rooms: House, actor: Caller, sample: FromPath[str]) -> None:
    """Forget a sentence."""
    await rooms.versions.remove_sample(actor, sample)


@get("/policy_assignments", opt=WRITE)
async def list_assignments(rooms: House, actor: Caller) -> tuple[Assignment, ...]:
    """Which workspaces have a policy of their own."""
    return await rooms.versions.assigned(actor)


@put("/policy_assignments", opt=WRITE)
async def assign_policy(rooms: House, actor: Caller, data: JSONBody[Assignment]) -> tuple[Assignment, ...]:
    """Give a workspace its own policy for a service ("": for all); `policy` empty takes it back."""
    await rooms.versions.assign(actor, data.workspace, data.service, data.policy)
    return await rooms.versions.assigned(actor)


def summary(policy: Policy) -> PolicySummary:
    file = policy.file
    rules = len(file.rules) + len(file.personal) + len(file.classifiers) + len(file.guards)
    return PolicySummary(policy.name, policy.version, file.title, rules, sum(len(rule.terms) for rule in file.rules))


router = Router(
    path="/",
    tags=["policy"],
    route_handlers=[
        list_policies,
        get_policy,
        list_versions,
        compare_versions,
        preview_policy,
        publish_policy,
        roll_back,
        try_policy,
        list_samples,
        add_sample,
        remove_sample,
        list_assignments,
        assign_policy,
    ],
)
