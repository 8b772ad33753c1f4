"""The files every page loads, from memory; a browser keeps them until their bytes, and so their addresses, change."""

from __future__ import annotations

from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from hanlin.audit import verifier
from hanlin.errors import NotFound
from hanlin.web.render import STATIC
from hanlin.web.respond import SECURITY
from hanlin.web.visit import EVERYONE

KINDS = {
    ".py": "text/x-python; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FILES = {
    file.name: (file.read_bytes(), KINDS[file.suffix]) for file in (*sorted(STATIC.iterdir()), Path(verifier.__file__))
}


@get("/static/{name:str}", opt=EVERYONE)
async def static(name: FromPath[str]) -> Response[bytes]:
    if name not in FILES:
        raise NotFound("There is no such file.")
    content, kind = FILES[name]
    headers = {**SECURITY, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=kind, headers=headers)
