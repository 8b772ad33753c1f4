"""Coming in and going out: sign-in, the one-time welcome, sign-out, language and appearance."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery

from hanlin.accounts import SignedIn
from hanlin.errors import BadRequest, Conflict, HanlinError, NotSignedIn, TooMany
from hanlin.types import Permission
from hanlin.web.devices import device
from hanlin.web.frame import Frame
from hanlin.web.respond import explain, page, redirect
from hanlin.web.visit import EVERYONE, YEAR_SECONDS, Admitted, Visit, allow, local_path
from hanlin.web.words import LANGUAGES

SESSION_SECONDS = 7 * 86_400
"""The cookie lives as long as a session can; the server ends it earlier when it is idle."""
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class SignInContext:
    frame: Frame
    name: str
    back: str
    problem: str


@dataclass(frozen=True, slots=True)
class WelcomeContext:
    frame: Frame
    token: str
    """The one-time token; "" when the invitation is spent."""
    name: str
    problem: str


@get("/", opt=allow(None))
async def home(visit: Admitted) -> Response[str]:
    return redirect(visit, "/chat" if Permission.GENERATE in visit.actor.permissions else "/console")


@get("/sign-in", opt=EVERYONE)
async def sign_in_page(visit: Admitted, back: FromQuery[str] = "/") -> Response[str]:
    if visit.signed_in:
        return redirect(visit, local_path(back))
    return page(visit, "sign_in.html", SignInContext(visit.frame(), "", local_path(back), ""))


@post("/sign-in", opt=EVERYONE, status_code=200)
async def sign_in(visit: Admitted) -> Response[str]:
    name, back = visit.form["name"], local_path(visit.form["back"])
    client = visit.request.client
    try:
        signed_in = await visit.rooms.accounts.sign_in(
            name, visit.form["password"], address=client.host if client else "", device=_device(visit)
        )
    except (NotSignedIn, TooMany) as error:
        problem = explain(visit.words, error.code, error.message, error.action)
        context = SignInContext(visit.frame(), name[:64], back, problem)
        return page(visit, "sign_in.html", context, status=error.status)
    return _let_in(visit, signed_in, back)


@get("/welcome", opt=EVERYONE)
async def welcome_page(visit: Admitted, token: FromQuery[str] = "") -> Response[str]:
    return page(visit, "welcome.html", WelcomeContext(visit.frame(), token[:200], "", ""))


@post("/welcome", opt=EVERYONE, status_code=200)
async def welcome(visit: Admitted) -> Response[str]:
    """Redeem the one-time token: name and password are chosen, a session begins."""
    form = visit.form
    try:
        signed_in = await visit.rooms.accounts.redeem(
            form["token"], form["name"], form["password"], device=_device(visit)
        )
    except (NotSignedIn, BadRequest, Conflict) as error:
        return _welcome_again(visit, error)
    return _let_in(visit, signed_in, "/")


@post("/sign-out", opt=allow(None), status_code=200)
async def sign_out(visit: Admitted) -> Response[str]:
    await visit.rooms.accounts.sessions.end(visit.actor, visit.actor.session)
    answer = redirect(visit, "/sign-in")
    answer.set_cookie(_cookie(visit, ""))
    return answer


@post("/preferences", opt=EVERYONE, status_code=200)
async def preferences(visit: Admitted) -> Response[str]:
    """Choose a language or an appearance: kept in this browser, the language also with the person."""
    answer = redirect(visit, local_path(visit.form["back"]))
    language, theme = visit.form["language"], visit.form["theme"]
    if language in LANGUAGES:
        answer.set_cookie(_choice(visit, "hanlin-language", language))
        if visit.signed_in:
            await visit.rooms.accounts.people.set_language(visit.actor, language)
    if theme in THEMES:
        answer.set_cookie(_choice(visit, "hanlin-theme", theme))
    return answer


def _welcome_again(visit: Visit, error: HanlinError) -> Response[str]:
    spent = isinstance(error, NotSignedIn)
    problem = "" if spent else explain(visit.words, error.code, error.message, error.action)
    token = "" if spent else visit.form["token"]
    context = WelcomeContext(visit.frame(), token, visit.form["name"][:64], problem)
    return page(visit, "welcome.html", context, status=error.status)


def _let_in(visit: Visit, signed_in: SignedIn, path: str) -> Response[str]:
    answer = redirect(visit, path)
    answer.set_cookie(_cookie(visit, signed_in.token))
    return answer


def _cookie(visit: Visit, token: str) -> Cookie:
    return Cookie(
        visit.rooms.cookie,
        value=token,
        max_age=SESSION_SECONDS if token else 0,
        path="/",
        secure=visit.rooms.secure,
        httponly=True,
        samesite="lax",
    )


def _choice(visit: Visit, name: str, value: str) -> Cookie:
    return Cookie(name, value=value, max_age=YEAR_SECONDS, secure=visit.rooms.secure, httponly=True, samesite="lax")


def _device(visit: Visit) -> str:
    return device(visit.request.headers.get("user-agent", ""))


HANDLERS = [home, sign_in_page, sign_in, welcome_page, welcome, sign_out, preferences]
