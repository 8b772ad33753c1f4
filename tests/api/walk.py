"""Every route of a house, as a request that can be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hanlin.types import new_id
from tests.api.cast import Premises

KINDS = {"person_id": "per", "workspace_id": "ws", "key_id": "key", "request_id": "req", "person": "per", "key": "key"}
PLAIN = (
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{name:str}"),
    ("POST", "/v1/content_provenance_checks"),
    ("POST", "/v1/moderations"),
    ("GET", "/metrics"),
    ("GET", "/health"),
)
"""What is served without the framework."""


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    options: Any
    """The handler's; None for what is served without the framework."""
    ours: bool = True
    """Whether the handler is written here, and not the framework's own."""

    def path(self) -> str:
        """The address with a random id in each place."""
        return re.sub(r"\{(\w+):str\}", lambda place: new_id(KINDS.get(place[1], "x")), self.template)

    def __str__(self) -> str:
        return f"{self.method} {re.sub(r':str', '', self.template)}"


def routes(here: Premises) -> list[Route]:
    found = [Route(method, template, None) for method, template in PLAIN]
    for route in here.framework.routes:
        for handler in getattr(route, "route_handlers", ()):
            module = handler.fn.__module__
            if module == "litestar.routes.http":  # what answers OPTIONS
                continue
            found += [
                Route(str(method), route.path, handler.opt, module.startswith("hanlin"))
                for method in handler.http_methods
            ]
    return found
