"""People, workspaces and API keys."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from hanlin.accounts import Key, KeyRequest, Limits, Person, Workspace
from hanlin.api.platform.access import Caller, House, allow
from hanlin.types import Permission, Role


class NewPerson(Struct, frozen=True):
    name: str
    role: Role = Role.MEMBER


class InvitedPerson(Struct, frozen=True):
    """`link` works once, for 24 hours, and is shown now only."""

    person: Person
    link: str


class MinorChange(Struct, frozen=True):
    minor: bool


class RoleChange(Struct, frozen=True):
    role: Role


class NewWorkspace(Struct, frozen=True):
    name: str


class CreatedKey(Struct, frozen=True):
    """`token` is shown now only."""

    key: Key
    token: str


@get("/me", opt=allow(None))
async def me(rooms: House, actor: Caller) -> Person:
    """Whose key this is."""
    return await rooms.accounts.people.me(actor)


@get("/people", opt=allow(Permission.MANAGE_PEOPLE))
async def list_people(rooms: House, actor: Caller) -> list[Person]:
    """Everybody in the workspace."""
    return await rooms.accounts.people.list(actor)


@post("/people", opt=allow(Permission.MANAGE_PEOPLE))
async def invite_person(rooms: House, actor: Caller, data: JSONBody[NewPerson]) -> InvitedPerson:
    """Add a person to the workspace; hand them the link."""
    invitation = await rooms.accounts.people.invite(actor, data.name, data.role)
    return InvitedPerson(invitation.person, f"{rooms.url}/welcome?token={invitation.token}")


@patch("/people/{person_id:str}", opt=allow(Permission.MANAGE_PEOPLE))
async def set_role(rooms: House, actor: Caller, person_id: FromPath[str], data: JSONBody[RoleChange]) -> Person:
    """Make a person owner, member, auditor or reviewer; keys and sessions shrink with the role."""
    await rooms.accounts.people.set_role(actor, person_id, data.role)
    return await rooms.accounts.people.get(actor, person_id)


@put("/people/{person_id:str}/minor", opt=allow(Permission.MANAGE_PEOPLE))
async def set_minor(rooms: House, actor: Caller, person_id: FromPath[str], data: JSONBody[MinorChange]) -> Person:
    """Let a policy's rules and hours for minors hold for a person, or no longer."""
    await rooms.accounts.people.set_minor(actor, person_id, minor=data.minor)
    return await rooms.accounts.people.get(actor, person_id)


@delete("/people/{person_id:str}", opt=allow(Permission.MANAGE_PEOPLE))
async def remove_person(rooms: House, actor: Caller, person_id: FromPath[str]) -> None:
    """Take a person out of the workspace; their keys and sessions in it end at once."""
    await rooms.accounts.people.remove(actor, person_id)


@get("/workspaces", opt=allow(None))
async def list_workspaces(rooms: House, actor: Caller) -> list[Workspace]:
    """The workspaces you belong to; for an administrator all."""
    return await rooms.accounts.workspaces.list(actor)


@post("/workspaces", opt=allow(Permission.MANAGE_PEOPLE))
async def create_workspace(rooms: House, actor: Caller, data: JSONBody[NewWorkspace]) -> Workspace:
    """A new workspace with you as its owner; for administrators."""
    return await rooms.accounts.workspaces.create(actor, data.name)


@put("/workspaces/{workspace_id:str}/limits", opt=allow(Permission.MANAGE_PEOPLE))
async def set_limits(rooms: House, actor: Caller, workspace_id: FromPath[str], data: JSONBody[Limits]) -> Workspace:
    """Tokens a minute and a day; null goes back to the server's."""
    await rooms.accounts.workspaces.set_limits(actor, workspace_id, data)
    return await rooms.accounts.workspaces.get(actor, workspace_id)


@get("/keys", opt=allow(Permission.MANAGE_KEYS))
async def list_keys(rooms: House, actor: Caller) -> list[Key]:
    """Your keys; for an owner all of the workspace."""
    return await rooms.accounts.keys.list(actor)


@post("/keys", opt=allow(Permission.MANAGE_KEYS))
async def create_key(rooms: House, actor: Caller, data: JSONBody[KeyRequest]) -> CreatedKey:
    """A new key of your own; it can allow no more than you may."""
    made = await rooms.accounts.keys.create(actor, data)
    return CreatedKey(made.key, made.token)


@delete("/keys/{key_id:str}", opt=allow(Permission.MANAGE_KEYS))
async def revoke_key(rooms: House, actor: Caller, key_id: FromPath[str]) -> None:
    """End a key, and what is running with it, at once."""
    await rooms.accounts.keys.revoke(actor, key_id)


router = Router(
    path="/",
    tags=["accounts"],
    route_handlers=[
        me,
        list_people,
        invite_person,
        set_role,
        set_minor,
        remove_person,
        list_workspaces,
        create_workspace,
        set_limits,
        list_keys,
        create_key,
        revoke_key,
    ],
)
