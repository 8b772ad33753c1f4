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
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/audio/transcriptions"),
    ("POST", "/v1/audio/translations"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files/{file:str}"),
    ("DELETE", "/v1/files/{file:str}"),
    ("POST", "/v1/uploads"),
    ("POST", "/v1/uploads/{upload:str}/complete"),
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
        template = re.sub(r"\{\w+:int\}", "1", self.template)
        return re.sub(r"\{(\w+):str\}", lambda place: new_id(KINDS.get(place[1], "x")), template)

    def __str__(self) -> str:
        return f"{self.method} {re.sub(r':(str|int)', '', self.template)}"


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
