"""The first person of a server, at its pages: signs in with the printed link, makes keys and ends them."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self

import httpx

from tests.e2e.server import Server

PASSWORD = "a long sentence of a test"
EVERYTHING = ("generate", "registry:read", "registry:write", "usage:read", "audit:read", "keys:write", "people:write")


class Owner:
    """`with` signs in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, headers={"origin": server.url, "sec-fetch-site": "same-origin"})

    def __enter__(self) -> Self:
        token = self.server.sign_in.partition("token=")[2]
        self._post("/welcome", at=self.server.sign_in, token=token, name="owner", password=PASSWORD)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def make_key(self, name: str = "test") -> str:
        page = self._post("/console/keys", name=name, days="1", permissions=list(EVERYTHING))
        return str(re.findall(r"hl_[\w-]{40,}", page.text)[0])

    def revoke(self, key: str) -> None:
        """End a key, found by the name that `make_key` gave it."""
        rows = self.client.get("/console/keys").text.split("<tr>")
        row = next(row for row in rows if f"<strong>{key}</strong>" in row)
        self._post(re.findall(r'action="(/console/keys/\w+/revoke)"', row)[0])

    def _post(self, path: str, at: str = "/console/keys", **fields: str | list[str]) -> httpx.Response:
        """Open the page of the form, then send the form with the page's token."""
        page = self.client.get(at)
        csrf = re.findall(r'"X-CSRF-Token":"(\w*)"', page.text)[0]
        sent = self.client.post(path, data={"csrf": csrf, **fields})
        assert sent.status_code in (200, 303), sent.text[:500]
        return sent
