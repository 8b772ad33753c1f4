"""A conversation as a file: it leaves sealed, like everything else."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath

from hanlin.assistants.chat import Conversation, Message
from hanlin.service import Wish
from hanlin.types import Permission
from hanlin.web.respond import headers
from hanlin.web.visit import Admitted, allow

NAME_CHARACTERS = 60


@get("/chat/{conversation:str}/file", opt=allow(Permission.GENERATE))
async def download(visit: Admitted, conversation: FromPath[str]) -> Response[bytes]:
    """The conversation in Markdown, with its visible label, its metadata label and its entry in the record."""
    rooms = visit.rooms
    found, messages = await rooms.conversations.history.read(visit.actor, conversation)
    route = rooms.registry.resolve(found.service, visit.actor)
    text = as_markdown(visit.words.chat, found, messages)
    file = await rooms.seals.sealed_text(visit.actor, route, text, "conversation.md", Wish(language=visit.language))
    name = quote(f"{found.title[:NAME_CHARACTERS].strip() or found.id}.md")
    disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(file, media_type="text/markdown; charset=utf-8", headers={**headers(visit), **disposition})


def as_markdown(words: SimpleNamespace, found: Conversation, messages: Sequence[Message]) -> str:
    """Questions as quotations, answers as they were written, each with its receipt."""
    parts = [f"# {found.title}"]
    for message in messages:
        if message.role == "user":
            parts.append("\n".join(f"> {line}".rstrip() for line in message.text.splitlines()))
        elif message.text:
            parts.append(message.text)
            parts.append(f"<small>{words.receipt}: /receipts/{message.request_id}</small>")
    return "\n\n".join(parts) + "\n"


HANDLERS = [download]
