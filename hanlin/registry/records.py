"""What the register says of a model and of a service, and the rule for each: may it serve, and if not, why not."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from hanlin.types import Model, Scope, Service


class State(StrEnum):
    """Where a model stands. Only `approved` serves."""

    UNTESTED = "untested"
    """Registered, and no valid certificate for exactly these weights."""
    EXAMINING = "examining"
    """Sits its examination at this moment."""
    FAILED = "failed"
    """Its last examination was not passed."""
    APPROVED = "approved"
    SUSPENDED = "suspended"


class Answer(Struct, frozen=True):
    """One question of an examination and how it went."""

    question: str
    passed: bool
    detail: str


class Certificate(Struct, frozen=True):
    """The result of a test, bound to the weights' digest and an expiry; or an administrator's declaration."""

    id: str
    model: str
    digest: str
    basis: Literal["examination", "declaration"]
    suite: str
    passed: bool
    answers: tuple[Answer, ...]
    reason: str
    issued_by: str
    issued_at: int
    """Unix seconds, as `expires_at`."""
    expires_at: int

    def holds(self, model: Model, now: float) -> bool:
        """Whether this certificate lets exactly this model serve now."""
        return self.passed and self.digest == model.digest and now < self.expires_at


class ModelRecord(Struct, frozen=True):
    """A registered model, its latest certificate and its state."""

    model: Model
    origin: Literal["settings", "console"]
    state: State
    certificate: Certificate | None = None
    reason: str = ""
    """Why it is suspended."""


class ServiceRecord(Struct, frozen=True):
    service: Service
    origin: Literal["settings", "console"]
    problems: tuple[str, ...] = ()
    """Why the service does not answer, one sentence each; empty when it does."""

    @property
    def serves(self) -> bool:
        return not self.problems


def state_of(model: Model, certificate: Certificate | None, now: float) -> State:
    """Where a model stands by its certificate alone."""
    if certificate is None or certificate.digest != model.digest:
        return State.UNTESTED
    if not certificate.passed:
        return State.FAILED
    return State.APPROVED if certificate.holds(model, now) else State.UNTESTED


def problems_of(service: Service, records: dict[str, ModelRecord], provider_code: bool) -> tuple[str, ...]:
    """Everything that keeps `service` from answering.

    A public service needs a filing (备案) or registration (登记) number, the operator's provider code for its labels,
    and models that passed an examination: a declaration serves only inside the house.
    """
    found = []
    for name in service.models:
        record = records.get(name)
        if record is None:
            found.append(f"Model {name!r} is not registered.")
        elif record.state is not State.APPROVED:
            found.append(_why(record))
        elif service.scope is Scope.PUBLIC and record.certificate and record.certificate.basis == "declaration":
            found.append(f"Model {name!r} serves on a declaration, which a public service may not.")
    if service.scope is Scope.PUBLIC:
        if service.filing is None:
            found.append("A public service needs its filing (备案) or registration (登记) number recorded.")
        if not provider_code:
            found.append("A public service needs the operator's `social_credit_code`, which its labels carry.")
    return tuple(found)


def _why(record: ModelRecord) -> str:
    name = record.model.name
    if record.state is State.SUSPENDED:
        return f"Model {name!r} is suspended: {record.reason}"
    if record.state is State.EXAMINING:
        return f"Model {name!r} sits its entrance examination; try again in a minute."
    if record.state is State.FAILED:
        return f"Model {name!r} has not passed its examination."
    return f"Model {name!r} is registered but has not been tested."
