"""One's own account: signed-in browsers, password, language and appearance. And the console's front door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath

from hanlin.errors import BadRequest, NotSignedIn, TooMany
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.respond import explain, page, redirect
from hanlin.web.visit import Admitted, Visit, allow

OWN = allow(None)


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: str
    device: str
    begun: str
    seen: str
    current: bool


@dataclass(frozen=True, slots=True)
class AccountContext:
    """Variables of account.html."""

    frame: Frame
    sessions: Sequence[SessionRow]


@get("/account", opt=OWN)
async def account_page(visit: Admitted) -> Response[str]:
    return await _show(visit)


@get("/console", opt=OWN)
async def console(visit: Admitted) -> Response[str]:
    """The first page of the console that this person may open; every role has one."""
    may = visit.actor.permissions
    name = "usage" if Permission.READ_REGISTRY not in may else "models"
    return redirect(visit, f"/console/{name}")


@post("/account/password", opt=OWN, status_code=200)
async def change_password(visit: Admitted) -> Response[str]:
    """Set a new password; every other browser is signed out."""
    try:
        await visit.rooms.accounts.change_password(visit.actor, visit.form["old"], visit.form["new"])
    except (BadRequest, NotSignedIn, TooMany) as error:
        return await _show(visit, explain(visit.words, error.code, error.message, error.action), error.status)
    return await _show(visit, visit.words.account.changed_password)


@post("/account/sessions/{session:str}/end", opt=OWN, status_code=200)
async def end_session(visit: Admitted, session: FromPath[str]) -> Response[str]:
    await visit.rooms.accounts.sessions.end(visit.actor, session)
    return redirect(visit, "/account")


async def _show(visit: Visit, notice: str = "", status: int = 200) -> Response[str]:
    rows = [
        SessionRow(s.id, s.device, visit.when(s.created_at), visit.when(s.used_at), s.id == visit.actor.session)
        for s in await visit.rooms.accounts.sessions.list(visit.actor)
    ]
    return page(visit, "account.html", AccountContext(visit.frame(notice), rows), status=status)


HANDLERS = [account_page, console, change_password, end_session]
