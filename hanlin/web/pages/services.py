"""Console: what is offered to people under one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post

from hanlin.errors import BadRequest
from hanlin.registry import ServiceRecord
from hanlin.types import Permission, Service
from hanlin.web.frame import Frame
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Form, allow


@dataclass(frozen=True, slots=True)
class ServiceRow:
    name: str
    title: str
    scope: str
    models: Sequence[str]
    policy: str
    filing_kind: str
    filing_number: str
    filing_model: str
    system_prompt: str
    problems: Sequence[str]
    editable: bool


@dataclass(frozen=True, slots=True)
class ServicesContext:
    """Variables of services.html."""

    frame: Frame
    services: Sequence[ServiceRow]
    models: Sequence[str]
    writable: bool


@get("/console/services", opt=allow(Permission.READ_REGISTRY))
async def services_page(visit: Admitted) -> Response[str]:
    context = ServicesContext(
        frame=visit.frame(),
        services=[_row(record) for record in visit.rooms.registry.services(visit.actor)],
        models=[record.model.name for record in visit.rooms.registry.models()],
        writable=Permission.WRITE_REGISTRY in visit.actor.permissions,
    )
    return page(visit, "services.html", context)


@post("/console/services", opt=allow(Permission.WRITE_REGISTRY), status_code=200)
async def set_service(visit: Admitted) -> Response[str]:
    """Offer a service, or change one of this name."""
    await visit.rooms.registry.set_service(visit.actor, _service(visit.form))
    return redirect(visit, "/console/services")


def _service(form: Form) -> Service:
    filing: dict[str, Any] | None = None
    if form["filing_kind"]:
        filing = {
            "kind": form["filing_kind"],
            "number": form["filing_number"].strip(),
            "model_name": form["filing_model"].strip(),
        }
    values = {
        "name": form["name"].strip(),
        "title": form["title"].strip(),
        "models": form.all("models"),
        "scope": form["scope"],
        "policy": form["policy"].strip(),
        "system_prompt": form["system_prompt"],
        "filing": filing,
    }
    try:
        return msgspec.convert(values, Service)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The service is not as expected: {error}.", action="Mend the field it names.") from None


def _row(record: ServiceRecord) -> ServiceRow:
    service, filing = record.service, record.service.filing
    return ServiceRow(
        name=service.name,
        title=service.title,
        scope=service.scope,
        models=service.models,
        policy=service.policy,
        filing_kind=filing.kind if filing else "",
        filing_number=filing.number if filing else "",
        filing_model=filing.model_name if filing else "",
        system_prompt=service.system_prompt,
        problems=record.problems,
        editable=record.origin == "console",
    )


HANDLERS = [services_page, set_service]
