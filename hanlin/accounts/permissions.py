"""Who may do what: one table, and `require` in front of everything that acts."""

from __future__ import annotations

from hanlin.errors import NotAllowed
from hanlin.types import Actor, Permission, Role

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(
        {
            Permission.GENERATE,
            Permission.READ_REGISTRY,
            Permission.READ_USAGE,
            Permission.READ_AUDIT,
            Permission.MANAGE_KEYS,
            Permission.MANAGE_PEOPLE,
            Permission.REVIEW,
        }
    ),
    Role.MEMBER: frozenset(
        {Permission.GENERATE, Permission.READ_REGISTRY, Permission.READ_USAGE, Permission.MANAGE_KEYS}
    ),
    Role.AUDITOR: frozenset({Permission.READ_REGISTRY, Permission.READ_USAGE, Permission.READ_AUDIT}),
    Role.REVIEWER: frozenset({Permission.READ_REGISTRY, Permission.REVIEW}),
}
"""A member's usage and keys are their own; an owner's, and an auditor's usage, are the workspace's."""

ADMINISTRATOR_PERMISSIONS = frozenset(
    {Permission.WRITE_REGISTRY, Permission.MANAGE_PEOPLE, Permission.WRITE_POLICY, Permission.REVIEW}
)
"""On top of the role's, and in every workspace."""


def granted(role: Role, *, administrator: bool) -> frozenset[Permission]:
    """All that a person of this role may do."""
    return ROLE_PERMISSIONS[role] | ADMINISTRATOR_PERMISSIONS if administrator else ROLE_PERMISSIONS[role]


def require(actor: Actor, permission: Permission) -> None:
    """Pass, or raise NotAllowed naming the permission."""
    if permission not in actor.permissions:
        raise NotAllowed(
            f"This needs the permission {permission.value!r}.",
            action=f"Use a key that has it, or ask an owner of the workspace; your role is {actor.role.value!r}.",
        )


def sees_whole_workspace(actor: Actor) -> bool:
    """True for owner and auditor; a member or reviewer sees only what is their own."""
    return actor.role in (Role.OWNER, Role.AUDITOR)
