from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hanlin.errors import BadRequest, Conflict, Misconfigured, NotAllowed, NotFound
from hanlin.policy import Policies, Versions
from hanlin.policy.file import parse, write
from hanlin.storage import Database
from hanlin.types import Actor, Facts, Permission, Role, Service, Verdict
from tests.storage.databases import database, sqlite_template

__all__ = ["database", "sqlite_template"]

EDITOR = Actor("per_e", "ws_1", Role.OWNER, frozenset(Permission), administrator=True)
OWNER = Actor("per_o", "ws_2", Role.OWNER, frozenset({Permission.GENERATE, Permission.REVIEW}))
STRANGER = Actor("per_s", "ws_3", Role.MEMBER, frozenset({Permission.GENERATE}))
TOML = """
name = "house"
[refusal]
zh = "抱歉"
en = "Sorry"
[[rules]]
name = "plums"
category = "A.3.e"
reason = "Plums."
terms = ["red plum"]
hits = ["I sell a red plum."]
passes = ["I read about plums."]
"""
STRICTER = TOML.replace('["red plum"]', '["red plum", "green plum"]')


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    file = tmp_path / "hanlin.db"
    file.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{file}"


class Told(list[tuple[str, Facts]]):
    async def __call__(self, event: str, actor: Actor | None, facts: Facts) -> None:
        self.append((event, facts))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "house.toml").write_text(TOML, encoding="utf-8")
    return folder


async def opened(database: Database, folder: Path, told: Told | None = None) -> tuple[Policies, Versions]:
    policies = await Policies.load(folder)
    versions = Versions(database, policies, Told() if told is None else told)
    await versions.open()
    return policies, versions


async def test_the_folders_version_is_the_first_of_the_history(database: Database, folder: Path) -> None:
    policies, versions = await opened(database, folder)
    (first,) = await versions.list(OWNER, "house")
    assert (first.version, first.origin, first.serving) == (policies.get("house").version, "file", True)
    assert parse(await versions.source("house")) == policies.get("house").file


async def test_publishing_serves_at_once_keeps_history_and_is_announced(database: Database, folder: Path) -> None:
    told = Told()
    policies, versions = await opened(database, folder, told)
    old = policies.get("house")
    new = await versions.publish(EDITOR, "house", STRICTER, "Green ones too.", serving_version=old.version)
    assert policies.get("house") is new
    assert new.judge("a green plum").verdict is Verdict.REFUSE
    assert old.judge("a green plum").verdict is Verdict.ALLOW  # an answer under way keeps its own
    listed = {one.version: one for one in await versions.list(OWNER, "house")}
    assert listed[new.version].serving
    assert (listed[new.version].note, listed[new.version].person) == ("Green ones too.", "per_e")
    assert not listed[old.version].serving
    assert told == [("policy:changed", {"policy": "house", "version": new.version, "change": "published"})]


async def test_a_change_on_top_of_one_that_was_not_seen_is_a_conflict(database: Database, folder: Path) -> None:
    policies, versions = await opened(database, folder)
    seen = policies.get("house").version
    await versions.publish(EDITOR, "house", STRICTER, "", serving_version=seen)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        await versions.publish(EDITOR, "house", TOML + "# more\n", "", serving_version=seen)


async def test_rolling_back_lets_the_earlier_version_serve(database: Database, folder: Path) -> None:
    policies, versions = await opened(database, folder)
    first = policies.get("house").version
    await versions.publish(EDITOR, "house", STRICTER, "")
    assert (await versions.roll_back(EDITOR, "house", first)).version == first
    assert policies.get("house").version == first
    with pytest.raises(NotFound, match="has no version"):
        await versions.roll_back(EDITOR, "house", "0" * 12)


async def test_what_the_console_published_outlives_a_restart_and_reaches_other_servers(
    database: Database, folder: Path
) -> None:
    _, versions = await opened(database, folder)
    other, followers = await opened(database, folder)
    published = await versions.publish(EDITOR, "house", STRICTER, "")
    await followers.refresh()
    assert other.get("house").version == published.version
    again, _ = await opened(database, folder)
    assert again.get("house").version == published.version


async def test_a_changed_file_serves_without_a_restart_unless_the_console_has_replaced_it(
    database: Database, folder: Path
) -> None:
    policies, versions = await opened(database, folder)
    await asyncio.to_thread((folder / "house.toml").write_text, STRICTER, encoding="utf-8")
    await versions.refresh()
    assert policies.get("house").judge("a green plum").verdict is Verdict.REFUSE
    await asyncio.to_thread((folder / "house.toml").write_text, "name = 3", encoding="utf-8")
    serving = policies.get("house")
    with pytest.raises(Misconfigured):
        await versions.refresh()
    assert policies.get("house") is serving
    published = await versions.publish(EDITOR, "house", TOML, "Back.", accept_worse=True)
    await asyncio.to_thread((folder / "house.toml").write_text, STRICTER + "# new\n", encoding="utf-8")
    await versions.refresh()
    assert policies.get("house") is published


async def test_a_preview_says_what_would_change_and_publishes_nothing(database: Database, folder: Path) -> None:
    policies, versions = await opened(database, folder)
    good = await versions.add_sample("green plums are tasty", "allow")
    bad = await versions.add_sample("buy a green plum here", "refuse")
    serving = policies.get("house")
    _, effect, difference = await versions.preview(EDITOR, STRICTER)
    assert {
        (change.sample.id, change.before.verdict, change.after.verdict, change.better) for change in effect.changes
    } == {(bad.id, Verdict.ALLOW, Verdict.REFUSE, True)}
    assert good.id not in {change.sample.id for change in effect.changes}
    assert effect.wrong_before == effect.wrong_after + 1
    assert '+    "green plum",' in difference
    assert policies.get("house") is serving


async def test_a_version_that_does_worse_on_the_samples_needs_a_yes(database: Database, folder: Path) -> None:
    _, versions = await opened(database, folder)
    await versions.add_sample("my green plum cake", "allow")
    with pytest.raises(Conflict, match="would come out wrong"):
        await versions.publish(EDITOR, "house", STRICTER, "")
    await versions.publish(EDITOR, "house", STRICTER, "", accept_worse=True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("name = ", "not valid TOML"),
        (TOML.replace('"red plum"', '"x"'), "at least 2 letters"),
        (TOML.replace("I sell a red plum.", "I sell apples."), "should find its test sentence"),
        (TOML.replace("I read about plums.", "a red plum"), "should let pass its test sentence"),
        (TOML.replace('"house"', '"other"'), "says its name is 'other'"),
    ],
)
async def test_what_cannot_serve_is_refused_with_its_place(
    database: Database, folder: Path, source: str, message: str
) -> None:
    policies, versions = await opened(database, folder)
    serving = policies.get("house")
    with pytest.raises(BadRequest, match=message):
        await versions.publish(EDITOR, "house", source, "")
    assert policies.get("house") is serving
    assert len(await versions.list(OWNER, "house")) == 1


async def test_only_who_may_write_policies_changes_them(database: Database, folder: Path) -> None:
    policies, versions = await opened(database, folder)
    version = policies.get("house").version
    for actor in (OWNER, STRANGER):
        for attempt in (
            versions.publish(actor, "house", STRICTER, ""),
            versions.roll_back(actor, "house", version),
            versions.preview(actor, STRICTER),
            versions.assign(actor, "ws_1", "", "house"),
            versions.samples(actor),
            versions.remove_sample(actor, "smp_1"),
        ):
            with pytest.raises(NotAllowed):
                await attempt
    with pytest.raises(NotAllowed):
        await versions.list(STRANGER, "house")


async def test_a_workspace_can_have_a_policy_of_its_own(database: Database, folder: Path) -> None:
    (folder / "strict.toml").write_text(STRICTER.replace('"house"', '"strict"'), encoding="utf-8")
    policies, versions = await opened(database, folder)
    other, followers = await opened(database, folder)
    chat, shop = Service("chat", ("m",), policy="house"), Service("shop", ("m",), policy="house")
    await versions.assign(EDITOR, "ws_2", "chat", "strict")
    assert [policies.choose(service, OWNER).name for service in (chat, shop)] == ["strict", "house"]
    assert policies.choose(chat, STRANGER).name == "house"
    await versions.assign(EDITOR, "ws_2", "", "strict")
    assert policies.choose(shop, OWNER).name == "strict"
    await followers.refresh()
    assert other.choose(shop, OWNER).name == "strict"
    await versions.assign(EDITOR, "ws_2", "", "")
    assert [(one.workspace, one.service, one.policy) for one in await versions.assigned(OWNER)] == [
        ("ws_2", "chat", "strict")
    ]
    with pytest.raises(NotFound, match="No policy named"):
        await versions.assign(EDITOR, "ws_2", "", "none")


async def test_samples_come_and_go_and_shipped_ones_stay(database: Database, folder: Path) -> None:
    _, versions = await opened(database, folder)
    shipped = len(await versions.samples(EDITOR))
    added = await versions.add_sample("一句话", "allow", origin="decision")
    assert added.language == "zh"
    assert len(await versions.samples(EDITOR)) == shipped + 1
    await versions.remove_sample(EDITOR, added.id)
    with pytest.raises(NotFound):
        await versions.remove_sample(EDITOR, added.id)
    with pytest.raises(BadRequest):
        await versions.add_sample("x" * 20_001, "allow")


def test_a_policy_that_is_written_reads_the_same() -> None:
    policy = parse(STRICTER)
    assert parse(write(policy)) == policy
    assert parse(write(policy)).version() == policy.version()
