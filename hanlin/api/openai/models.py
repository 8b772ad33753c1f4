"""GET /v1/models and /v1/models/{id}: the services a key may use, under the names it asks for."""

from __future__ import annotations

from hanlin.api.asgi import Send, encode, respond
from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.wire import ModelBody, ModelList
from hanlin.errors import NotFound, nearest
from hanlin.registry import ServiceRecord
from hanlin.types import Actor


async def list_models(rooms: Rooms, actor: Actor, send: Send) -> None:
    await respond(send, 200, encode(ModelList(_bodies(rooms, actor))))


async def retrieve_model(rooms: Rooms, actor: Actor, name: str, send: Send) -> None:
    """Raises NotFound for what does not exist, does not answer, or is not for this key."""
    bodies = {body.id: body for body in _bodies(rooms, actor)}
    if name not in bodies:
        raise NotFound(
            f"Model {name[:120]!r} does not exist or you have no access to it.",
            action=nearest(name, bodies),
            code="model_not_found",
            param="model",
        )
    await respond(send, 200, encode(bodies[name]))


def _bodies(rooms: Rooms, actor: Actor) -> list[ModelBody]:
    """One entry a service, and one for each further model of it, named `service/model`."""
    found = []
    for record in rooms.services(actor):
        if record.serves:
            found.append(_body(rooms, record, record.service.name))
            names = record.service.models if len(record.service.models) > 1 else ()
            found += [_body(rooms, record, f"{record.service.name}/{name}") for name in names]
    return found


def _body(rooms: Rooms, record: ServiceRecord, name: str) -> ModelBody:
    service = record.service
    filing = None
    if service.filing:
        filing = {"kind": service.filing.kind, "number": service.filing.number, "model": service.filing.model_name}
    return ModelBody(
        id=name,
        created=rooms.started_at,
        owned_by=rooms.operator,
        title=service.title or service.name,
        scope=service.scope,
        filing=filing,
    )
