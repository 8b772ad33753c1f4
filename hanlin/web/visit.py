"""One request to a page: who came, in which language, with what form; and whether they may. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler

from hanlin.accounts import Person, csrf_matches, csrf_token, require
from hanlin.errors import BadRequest, NotAllowed, NotSignedIn
from hanlin.types import Actor, Permission
from hanlin.web.frame import Frame, Viewer
from hanlin.web.rooms import Rooms
from hanlin.web.words import LANGUAGES, WORDS, preferred

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELDS = 300
YEAR_SECONDS = 365 * 86_400
CONSOLE = {
    "models": Permission.READ_REGISTRY,
    "services": Permission.READ_REGISTRY,
    "policies": Permission.REVIEW,
    "review": Permission.REVIEW,
    "people": Permission.MANAGE_PEOPLE,
    "keys": Permission.MANAGE_KEYS,
    "usage": Permission.READ_USAGE,
    "audit": Permission.READ_AUDIT,
}
"""Pages of the console, in order, and what each asks for."""

AnyRequest = Request[Any, Any, Any]


def allow(permission: Permission | None) -> dict[str, Any]:
    """Handler options: the permission a page asks for; None for what every signed-in person may do."""
    return {"permission": permission}


EVERYONE: dict[str, Any] = {"everyone": True}
"""Handler options of the few pages that need no session."""
BRINGS: dict[str, Any] = {**allow(Permission.GENERATE), "upload": True, "brings": True}
"""Handler options of a form that may bring a file: `uploads.brought` reads it, and asks for the token in it."""
PIECE: dict[str, Any] = {**allow(Permission.GENERATE), "upload": True}
"""Handler options of a request whose body is raw bytes; the token comes in its header."""


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a posted form, as they were typed."""

    fields: Mapping[str, list[str]]

    def __getitem__(self, name: str) -> str:
        """The field's last value; "" when it was not sent."""
        return self.fields.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        return self.fields.get(name, [])


NO_FORM = Form({})


@dataclass(frozen=True, slots=True)
class Visit:
    """What a handler is given in place of the bare request."""

    rooms: Rooms
    request: AnyRequest
    form: Form
    token: str
    """The session's token; "" without a session."""
    signed_in: Actor | None
    person: Person | None

    @property
    def actor(self) -> Actor:
        if self.signed_in is None:
            raise NotSignedIn("You are not signed in.", action="Sign in.", code="session_ended")
        return self.signed_in

    @property
    def swaps(self) -> bool:
        """Whether htmx asks, and so wants only the part of the page it will replace."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def language(self) -> str:
        """The person's choice, else this browser's, else what it asks for, else the operator's."""
        chosen = (self.person.language if self.person else "") or self.request.cookies.get("hanlin-language", "")
        if chosen in LANGUAGES:
            return chosen
        return preferred(self.request.headers.get("accept-language", ""), self.rooms.language)

    @property
    def words(self) -> SimpleNamespace:
        return WORDS[self.language]

    @property
    def zone(self) -> tzinfo:
        """The browser's time zone, which our script notes in a cookie; else UTC."""
        try:
            return ZoneInfo(unquote(self.request.cookies.get("hanlin-zone", "UTC"))[:60])
        except (KeyError, ValueError, OSError):
            return UTC

    def today(self) -> date:
        return datetime.now(self.zone).date()

    def local(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self.zone)

    def when(self, seconds: float) -> str:
        """A time as this person reads it, to the minute."""
        return f"{self.local(seconds):%Y-%m-%d %H:%M}"

    def frame(self, notice: str = "") -> Frame:
        theme = self.request.cookies.get("hanlin-theme", "")
        return Frame(
            language=self.language,
            theme=theme if theme in ("light", "dark") else "",
            path=self.request.url.path,
            csrf=csrf_token(self.token) if self.signed_in else "",
            operator=self.rooms.operator,
            viewer=self._viewer(),
            notice=notice,
        )

    def _viewer(self) -> Viewer | None:
        if self.signed_in is None or self.person is None:
            return None
        may = self.signed_in.permissions
        pages = tuple(name for name, permission in CONSOLE.items() if permission in may)
        return Viewer(self.person.id, self.person.name, self.signed_in.role, Permission.GENERATE in may, pages)


Admitted = NamedDependency[Visit]
"""The parameter of every handler: the visit that the guard let in."""


async def guard(rooms: Rooms, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a visit in, or raise. A handler whose options name neither a permission nor everyone answers nobody."""
    assert isinstance(connection, Request)
    unsafe = connection.method not in SAFE_METHODS
    reads = unsafe and not handler.opt.get("upload")  # a handler with `upload` reads its own body, as it comes
    visit = await open_visit(rooms, connection, await _read_form(connection) if reads else NO_FORM)
    connection.scope["state"]["visit"] = visit
    if unsafe:
        _check_origin(connection, rooms.url)
    if not handler.opt.get("everyone"):
        actor, permission = visit.actor, handler.opt["permission"]
        if permission is not None:
            require(actor, permission)
        if unsafe and not handler.opt.get("brings"):
            check_token(visit, visit.form)


async def open_visit(rooms: Rooms, request: AnyRequest, form: Form) -> Visit:
    """Who came: by cookie and by nothing else, so that an API key opens no page."""
    token = request.cookies.get(rooms.cookie, "")
    actor = None
    if token:
        try:
            actor = await rooms.accounts.sessions.authenticate(token)
        except NotSignedIn:
            token = ""
    person = await rooms.accounts.people.me(actor) if actor else None
    return Visit(rooms, request, form, token, actor, person)


def whoever(rooms: Rooms, request: AnyRequest) -> Visit:
    """The visit that failed; one without a session when it failed before anybody knew whose it was."""
    found: Visit | None = request.scope["state"].get("visit")
    return found or Visit(rooms, request, NO_FORM, "", None, None)


async def find_visit(request: AnyRequest) -> Visit:
    """The visit that the guard let in."""
    visit: Visit = request.scope["state"]["visit"]
    return visit


def local_path(address: str) -> str:
    """The address when it is a path of this site, else "/": nobody is sent elsewhere after signing in."""
    parts = urlsplit(address)
    safe = address.startswith("/") and address[1:2] not in ("/", "\\") and not parts.netloc and address.isprintable()
    return address if safe else "/"


async def _read_form(request: AnyRequest) -> Form:
    return parse_form(request.headers.get("content-type", ""), await request.body())


def parse_form(content_type: str, body: bytes) -> Form:
    """The fields of an urlencoded form. BadRequest when it is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise BadRequest(f"A form was expected, got {kind[:60]!r}.", action="Send it from the page.")
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"))
    except ValueError:
        raise BadRequest("The form cannot be read.", action="Send it from the page.") from None


def _check_origin(request: AnyRequest, url: str) -> None:
    site = request.headers.get("sec-fetch-site", "")
    parts = urlsplit(url)
    own = request.headers.get("origin", "") == f"{parts.scheme}://{parts.netloc}"
    if site not in ("same-origin", "none") and (site or not own):
        raise _forged()


def check_token(visit: Visit, form: Form) -> None:
    """NotAllowed unless the request's header or this form of its carries the session's own token."""
    given = visit.request.headers.get("x-csrf-token", "") or form["csrf"]
    if not visit.signed_in or not csrf_matches(visit.token, given):
        raise _forged()


def _forged() -> NotAllowed:
    return NotAllowed(
        "This form did not come from a page of this server.", action="Open the page again.", code="forged"
    )
