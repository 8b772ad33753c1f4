"""Models and services."""

from __future__ import annotations

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.errors import BadRequest
from hanlin.registry import Certificate, ModelRecord, ServiceRecord
from hanlin.types import Model, Permission, Service


class Reason(Struct, frozen=True):
    reason: str


@get("/models", opt=allow(Permission.READ_REGISTRY))
async def list_models(rooms: House) -> list[ModelRecord]:
    """Every registered model with its state and latest certificate."""
    return rooms.registry.models()


@get("/models/{name:str}", opt=allow(Permission.READ_REGISTRY))
async def get_model(rooms: House, name: FromPath[str]) -> ModelRecord:
    """One registered model."""
    return rooms.registry.model(name)


@post("/models", opt=allow(Permission.WRITE_REGISTRY))
async def add_model(rooms: House, actor: Caller, data: JSONBody[Model]) -> ModelRecord:
    """Register a model; it serves after its examination."""
    return await rooms.registry.add_model(actor, data)


@delete("/models/{name:str}", opt=allow(Permission.WRITE_REGISTRY))
async def remove_model(rooms: House, actor: Caller, name: FromPath[str]) -> None:
    """Take a model out of the register; refused while a service offers it."""
    await rooms.registry.remove_model(actor, name)


@post("/models/{name:str}/examination", opt=allow(Permission.WRITE_REGISTRY))
async def examine_model(rooms: House, actor: Caller, name: FromPath[str]) -> Certificate:
    """Put the model through the entrance examination now; answers when it is over."""
    return await rooms.examine(actor, name)


@post("/models/{name:str}/declaration", opt=allow(Permission.WRITE_REGISTRY))
async def declare_model(rooms: House, actor: Caller, name: FromPath[str], data: JSONBody[Reason]) -> Certificate:
    """Let the model serve internal services on your word; the reason goes on the record."""
    return await rooms.registry.declare(actor, name, data.reason)


@post("/models/{name:str}/suspension", opt=allow(Permission.WRITE_REGISTRY))
async def suspend_model(rooms: House, actor: Caller, name: FromPath[str], data: JSONBody[Reason]) -> ModelRecord:
    """Stop a model from serving, at once; users are shown the reason."""
    return await rooms.registry.suspend(actor, name, data.reason)


@delete("/models/{name:str}/suspension", opt=allow(Permission.WRITE_REGISTRY), status_code=200)
async def resume_model(rooms: House, actor: Caller, name: FromPath[str]) -> ModelRecord:
    """End a suspension."""
    return await rooms.registry.resume(actor, name)


@get("/services", opt=allow(Permission.READ_REGISTRY))
async def list_services(rooms: House, actor: Caller) -> list[ServiceRecord]:
    """The services this key may see, each with what keeps it from answering."""
    return rooms.registry.services(actor)


@put("/services/{name:str}", opt=allow(Permission.WRITE_REGISTRY))
async def set_service(rooms: House, actor: Caller, name: FromPath[str], data: JSONBody[Service]) -> ServiceRecord:
    """Offer a service or change it."""
    if data.name != name:
        raise BadRequest(f"The body names the service {data.name[:120]!r}, the address {name[:120]!r}.", param="name")
    return await rooms.registry.set_service(actor, data)


@delete("/services/{name:str}", opt=allow(Permission.WRITE_REGISTRY))
async def remove_service(rooms: House, actor: Caller, name: FromPath[str]) -> None:
    """Offer a service no longer."""
    await rooms.registry.remove_service(actor, name)


router = Router(
    path="/",
    tags=["register"],
    route_handlers=[
        list_models,
        get_model,
        add_model,
        remove_model,
        examine_model,
        declare_model,
        suspend_model,
        resume_model,
        list_services,
        set_service,
        remove_service,
    ],
)
