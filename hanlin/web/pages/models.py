"""Console: the models, their certificates and states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath

from hanlin.registry import ModelRecord, State
from hanlin.types import Model, Permission
from hanlin.web.frame import Frame
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit, allow

READ, WRITE = allow(Permission.READ_REGISTRY), allow(Permission.WRITE_REGISTRY)
TONES = {State.APPROVED: "good", State.SUSPENDED: "off"}
DIGEST_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class ModelRow:
    name: str
    publisher: str
    version: str
    engine: str
    licence: str
    digest: str
    short_digest: str
    state: str
    tone: str
    basis: str
    until: str
    reason: str
    """Why it is suspended, or what its examination was lost on."""
    removable: bool
    """Registered on the console, not in the settings file."""


@dataclass(frozen=True, slots=True)
class ModelsContext:
    """Variables of models.html."""

    frame: Frame
    models: Sequence[ModelRow]
    writable: bool


@get("/console/models", opt=READ)
async def models_page(visit: Admitted) -> Response[str]:
    rows = [_row(visit, record) for record in visit.rooms.registry.models()]
    writable = Permission.WRITE_REGISTRY in visit.actor.permissions
    return page(visit, "models.html", ModelsContext(visit.frame(), rows, writable))


@post("/console/models", opt=WRITE, status_code=200)
async def add_model(visit: Admitted) -> Response[str]:
    """Register a model of an upstream; it serves after its examination or a declaration."""
    form = visit.form
    options = {"base_url": form["base_url"].strip(), "model": form["model"].strip(), "api_key": form["api_key"].strip()}
    model = Model(
        name=form["name"].strip(),
        engine="openai",
        publisher=form["publisher"].strip(),
        licence=form["licence"].strip(),
        options={name: value for name, value in options.items() if value},
    )
    await visit.rooms.registry.add_model(visit.actor, model)
    return redirect(visit, "/console/models")


@post("/console/models/{name:str}/examine", opt=WRITE, status_code=200)
async def examine(visit: Admitted, name: FromPath[str]) -> Response[str]:
    await visit.rooms.examine(visit.actor, name)
    return redirect(visit, "/console/models")


@post("/console/models/{name:str}/declare", opt=WRITE, status_code=200)
async def declare(visit: Admitted, name: FromPath[str]) -> Response[str]:
    await visit.rooms.registry.declare(visit.actor, name, visit.form["reason"])
    return redirect(visit, "/console/models")


@post("/console/models/{name:str}/suspend", opt=WRITE, status_code=200)
async def suspend(visit: Admitted, name: FromPath[str]) -> Response[str]:
    await visit.rooms.registry.suspend(visit.actor, name, visit.form["reason"])
    return redirect(visit, "/console/models")


@post("/console/models/{name:str}/resume", opt=WRITE, status_code=200)
async def resume(visit: Admitted, name: FromPath[str]) -> Response[str]:
    await visit.rooms.registry.resume(visit.actor, name)
    return redirect(visit, "/console/models")


@post("/console/models/{name:str}/remove", opt=WRITE, status_code=200)
async def remove(visit: Admitted, name: FromPath[str]) -> Response[str]:
    await visit.rooms.registry.remove_model(visit.actor, name)
    return redirect(visit, "/console/models")


def _row(visit: Visit, record: ModelRecord) -> ModelRow:
    model, certificate = record.model, record.certificate
    approved = record.state is State.APPROVED and certificate is not None
    return ModelRow(
        name=model.name,
        publisher=model.publisher,
        version=model.version,
        engine=model.engine,
        licence=model.licence,
        digest=model.digest,
        short_digest=model.digest.removeprefix("sha256:")[:DIGEST_CHARACTERS],
        state=record.state,
        tone=TONES.get(record.state, ""),
        basis=certificate.basis if certificate and approved else "",
        until=f"{visit.local(certificate.expires_at):%Y-%m-%d}" if certificate and approved else "",
        reason=record.reason or _failed(record),
        removable=record.origin == "console",
    )


def _failed(record: ModelRecord) -> str:
    """Names of the questions that a failed examination was lost on."""
    if record.state is not State.FAILED or record.certificate is None:
        return ""
    return ", ".join(answer.question for answer in record.certificate.answers if not answer.passed)


HANDLERS = [models_page, add_model, examine, declare, suspend, resume, remove]
