"""Answers of the pages: HTML, redirects and failures, all with the same security headers."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Response
from litestar.exceptions import HTTPException

from hanlin.errors import HanlinError, NotAllowed, NotFound, NotSignedIn, TooMany
from hanlin.web.frame import Frame
from hanlin.web.render import Context, render
from hanlin.web.rooms import Rooms
from hanlin.web.visit import AnyRequest, Visit, whoever

log = logging.getLogger("hanlin.web")

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "frame-src 'self'; require-trusted-types-for 'script'; trusted-types default"
)
"""No inline script or style, nothing from elsewhere: `img-src 'self'` also keeps an answer from calling home."""
SECURITY = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
PRIVATE = {**SECURITY, "Cache-Control": "no-store", "Vary": "Cookie, HX-Request, Accept-Language"}
TRANSPORT = "max-age=31536000"


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """Variables of error.html."""

    frame: Frame
    title: str
    message: str


def headers(visit: Visit) -> dict[str, str]:
    return {**PRIVATE, "Strict-Transport-Security": TRANSPORT} if visit.rooms.secure else PRIVATE


def page(visit: Visit, template: str, context: Context, *, block: str = "", status: int = 200) -> Response[str]:
    """A whole page, or the `block` of it that htmx swaps."""
    content = render(template, context, block)
    return Response(content, status_code=status, media_type=MediaType.HTML, headers=headers(visit))


def redirect(visit: Visit, path: str) -> Response[str]:
    """Go on with a GET of `path`; htmx is told in its own header."""
    if visit.swaps:
        return Response("", status_code=200, headers={**headers(visit), "HX-Redirect": path})
    return Response("", status_code=303, headers={**headers(visit), "Location": path})


def explain(words: SimpleNamespace, code: str, problem: str, action: str) -> str:
    """What went wrong, in the reader's language where there are words for it, else as the error says it."""
    said: str = getattr(words.problem, code, "")
    return said or f"{problem} {action}".strip()


def hanlin_error(rooms: Rooms, request: AnyRequest, error: HanlinError) -> Response[str]:
    """The page for an error with a sentence of its own; the sign-in page for whoever has no session."""
    visit = whoever(rooms, request)
    if isinstance(error, NotSignedIn):
        answer = redirect(visit, _sign_in(visit))
        answer.delete_cookie(visit.rooms.cookie)
        return answer
    retry = {"Retry-After": str(int(error.retry_after_seconds) + 1)} if isinstance(error, TooMany) else {}
    title, message = _sentences(visit.words, error)
    return _failure(visit, error.status, title, message, retry)


def framework_error(rooms: Rooms, request: AnyRequest, error: HTTPException) -> Response[str]:
    """What the framework refuses: an unknown path, a wrong method, a value that does not fit."""
    visit = whoever(rooms, request)
    words = visit.words.error
    if error.status_code == 404:
        return _failure(visit, 404, words.not_found, words.not_found_text)
    return _failure(visit, error.status_code, words.title, error.detail)


def unexpected_error(rooms: Rooms, request: AnyRequest, error: Exception) -> Response[str]:
    """A mistake of ours. Its message may quote what a person wrote, so only its kind and place are logged."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("Unexpected %s (message withheld)\n%s", type(error).__name__, where)
    visit = whoever(rooms, request)
    return _failure(visit, 500, visit.words.error.server, visit.words.error.server_text)


def failures(rooms: Rooms) -> dict[int | type[Exception], Any]:
    """Exception handlers for the pages, and for the whole application: paths that nobody serves are answered here."""

    # closures, because the framework deep-copies its handlers and would copy the rooms with a partial
    def bind(answer: Callable[[Rooms, AnyRequest, Any], Response[str]]) -> Any:
        def handle(request: AnyRequest, error: Exception) -> Response[str]:
            return answer(rooms, request, error)

        return handle

    return {
        HanlinError: bind(hanlin_error),
        HTTPException: bind(framework_error),
        Exception: bind(unexpected_error),
    }


def _sentences(words: SimpleNamespace, error: HanlinError) -> tuple[str, str]:
    if isinstance(error, NotFound):
        return words.error.not_found, words.error.not_found_text
    if error.code == "forged":
        return words.error.forged, words.error.forged_text
    if isinstance(error, NotAllowed):
        return words.error.not_allowed, words.error.not_allowed_text
    return words.error.title, explain(words, error.code, error.message, error.action)


def _failure(visit: Visit, status: int, title: str, message: str, extra: dict[str, str] | None = None) -> Response[str]:
    context = ErrorContext(visit.frame(), title, message)
    answer = page(visit, "error.html", context, block="fragment" if visit.swaps else "", status=status)
    answer.headers.update(extra or {})
    return answer


def _sign_in(visit: Visit) -> str:
    request = visit.request
    if request.method != "GET" or visit.swaps or request.url.path == "/":
        return "/sign-in"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/sign-in?back={quote(request.url.path + query)}"
