"""The table of roles, written out a second time so that a change is noticed."""

import pytest

from hanlin.accounts import granted, require
from hanlin.errors import NotAllowed
from hanlin.types import Actor, Permission, Role

EXPECTED = {
    (Role.OWNER, False): "audit:read generate keys:write people:write registry:read review usage:read",
    (Role.MEMBER, False): "generate keys:write registry:read usage:read",
    (Role.AUDITOR, False): "audit:read registry:read usage:read",
    (Role.REVIEWER, False): "registry:read review",
    (Role.OWNER, True): "audit:read generate keys:write people:write policy:write registry:read registry:write "
    "review usage:read",
    (Role.MEMBER, True): "generate keys:write people:write policy:write registry:read registry:write review usage:read",
    (Role.AUDITOR, True): "audit:read people:write policy:write registry:read registry:write review usage:read",
    (Role.REVIEWER, True): "people:write policy:write registry:read registry:write review",
}


@pytest.mark.parametrize(("role", "administrator"), EXPECTED)
def test_each_role_may_do_this_and_nothing_else(role: Role, administrator: bool) -> None:
    permissions = granted(role, administrator=administrator)
    assert " ".join(sorted(permissions)) == EXPECTED[role, administrator]
    actor = Actor("per_1", "ws_1", role, permissions)
    for permission in Permission:
        if permission in permissions:
            require(actor, permission)
        else:
            with pytest.raises(NotAllowed, match=f"'{permission.value}'"):
                require(actor, permission)
