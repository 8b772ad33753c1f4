"""Every error a person or program can meet, and the sentence it says.

    HanlinError
    ├── BadRequest 400          what came is not what was expected
    │   └── BadFile 400         a file is not what its first bytes promise, or of a kind that is not known here
    ├── NotSignedIn 401         no valid key or session
    ├── NotAllowed 403          known, but without the right
    ├── NotFound 404            no such thing, or not visible to the asker: the two are never told apart
    ├── Conflict 409            the thing is in another state than the call assumes
    ├── TooLarge 413            over a size limit
    ├── Refused 400             the content policy refused; carries the decision
    ├── TooMany 429             a rate limit or quota is used up; carries when to try again
    ├── NotServing 503          a model is untested, suspended or not ready
    ├── EngineFailed 502        what generates broke; never carries the upstream's own text
    ├── EngineTimeout 504       what generates did not answer in time
    ├── AuditUnavailable 503    the record cannot be written, so nothing is generated
    └── Misconfigured 500       the operator must change a setting; raised at start

A message says what happened, with what came and what was expected; `action` says what to do next.
No message ever holds a secret or the text a person wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class HanlinError(Exception):
    """What went wrong (`message`), what to do (`action`), and a stable word for programs (`code`)."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "server_error"
    """OpenAI's `error.type`."""
    default_code: ClassVar[str] = "server_error"

    def __init__(self, message: str, *, action: str = "", code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code or self.default_code
        self.param = param
        self.request_id = ""
        """The generation that failed so, once there is one: what an objection names."""

    def __str__(self) -> str:
        return f"{self.message} {self.action}".strip()


class BadRequest(HanlinError):
    status, kind, default_code = 400, "invalid_request_error", "invalid_value"


class BadFile(BadRequest):
    default_code = "bad_file"


class NotSignedIn(HanlinError):
    status, kind, default_code = 401, "invalid_request_error", "invalid_api_key"


class NotAllowed(HanlinError):
    status, kind, default_code = 403, "invalid_request_error", "permission_denied"


class NotFound(HanlinError):
    status, kind, default_code = 404, "invalid_request_error", "not_found"


class Conflict(HanlinError):
    status, kind, default_code = 409, "invalid_request_error", "conflict"


class TooLarge(HanlinError):
    status, kind, default_code = 413, "invalid_request_error", "request_too_large"


class Refused(HanlinError):
    """The content policy said no. `rule` is the rule's public name; the text that hit is never here."""

    status, kind, default_code = 400, "invalid_request_error", "content_filter"

    def __init__(self, message: str, *, rule: str, stage: str, action: str = "", code: str | None = None) -> None:
        super().__init__(message, action=action, code=code)
        self.rule = rule
        self.stage = stage
        """`input` or `output`."""


class TooMany(HanlinError):
    status, kind, default_code = 429, "requests", "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after_seconds: float, code: str | None = None, action: str = "") -> None:
        super().__init__(message, action=action, code=code)
        self.retry_after_seconds = retry_after_seconds


class NotServing(HanlinError):
    status, kind, default_code = 503, "server_error", "model_not_serving"


class EngineFailed(HanlinError):
    status, kind, default_code = 502, "server_error", "engine_failed"

    def __init__(self, message: str, *, action: str = "", code: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, action=action, code=code)
        self.retryable = retryable
        """True only when no byte of the answer had come, so that another try cannot answer twice."""


class EngineTimeout(EngineFailed):
    status, default_code = 504, "engine_timeout"


class AuditUnavailable(HanlinError):
    status, default_code = 503, "audit_unavailable"


class Misconfigured(HanlinError):
    status, default_code = 500, "misconfigured"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming up to three known names like `name`, or all of them when there are few; may be empty."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.5) or names[:3]
    return f"Known: {', '.join(close)}." if close else ""
