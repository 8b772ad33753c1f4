"""The register itself: kept in memory for the hot path, in the database for good, changed only by an administrator."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from msgspec.structs import replace
from sqlalchemy import delete, insert, select

from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound, NotServing, nearest
from hanlin.registry.records import Answer, Certificate, ModelRecord, ServiceRecord, State, problems_of, state_of
from hanlin.registry.tables import certificates, models, services, suspensions
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, Model, Permission, Route, Service, Skill, new_id, unheard

CERTIFICATE_DAYS = 183
"""Half a year: shorter than a filing's life, long enough not to be a nuisance; a new digest ends it at once."""
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z")

Origin = Literal["settings", "console"]
Offer = tuple[str, Route | tuple[str, ...]]
"""A service's name, and its route or what keeps it from answering."""
_answers = msgspec.json.Decoder(tuple[Answer, ...])


class Registry:
    """Models, services and certificates. `resolve` is a dictionary look-up; changes rebuild the dictionary."""

    def __init__(
        self,
        database: Database,
        *,
        models: Iterable[Model] = (),
        services: Iterable[Service] = (),
        announce: Announce = unheard,
        identify: Callable[[Model], Model] = lambda model: model,
        provider_code: bool = False,
        policy_exists: Callable[[str], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._announce = announce
        self._identify = identify
        self._clock = clock
        self._provider_code = provider_code
        self._policy_exists = policy_exists
        self._models: dict[str, tuple[Model, Origin]] = {model.name: (identify(model), "settings") for model in models}
        self._services: dict[str, tuple[Service, Origin]] = {
            service.name: (service, "settings") for service in services
        }
        self._certificates: dict[str, Certificate] = {}
        self._suspended: dict[str, str] = {}
        self._examining: set[str] = set()
        self._routes: dict[str, list[Offer]] = {}
        self._valid_until = 0.0

    async def load(self) -> None:
        """Read what the console registered; what a settings file names wins over it."""
        async with self._database.read() as connection:
            for row in await connection.execute(select(models.c.model)):
                model = msgspec.json.decode(row.model, type=Model)
                self._models.setdefault(model.name, (model, "console"))
            for row in await connection.execute(select(services.c.service)):
                service = msgspec.json.decode(row.service, type=Service)
                self._services.setdefault(service.name, (service, "console"))
            for row in await connection.execute(select(suspensions)):
                self._suspended[row.model] = row.reason
            for row in await connection.execute(select(certificates).order_by(certificates.c.issued_at)):
                self._certificates[row.model] = _certificate(row)
        self._rebuild()

    def resolve(self, name: str, actor: Actor) -> Route:
        """The route for the wire's `model`: a service, `service/model`, or a model that a service offers.

        Raises NotFound for what does not exist or this key may not use, NotServing with the reason otherwise.
        """
        if self._clock() >= self._valid_until:
            self._rebuild()
        problems: tuple[str, ...] = ()
        for service, found in self._routes.get(name, ()):
            if actor.services is None or service in actor.services:
                if isinstance(found, Route):
                    return found
                problems = problems or found
        if not problems:
            visible = [r.service.name for r in self.services(actor) if r.serves]
            raise NotFound(
                f"Model {name[:120]!r} does not exist or you have no access to it.",
                action=nearest(name, visible),
                code="model_not_found",
                param="model",
            )
        raise NotServing(" ".join(problems), action="An administrator can see and mend this on the page Services.")

    def routes(self, actor: Actor, skill: Skill) -> list[Route]:
        """Every service with a model of it that serves this actor with this skill, in the register's order."""
        if self._clock() >= self._valid_until:
            self._rebuild()
        offers = (
            self._routes[f"{service.name}/{model}"][0]
            for service, _ in self._services.values()
            for model in service.models
            if actor.services is None or service.name in actor.services
        )
        return [route for _, route in offers if isinstance(route, Route) and route.model.skill is skill]

    def models(self) -> list[ModelRecord]:
        return list(self._records().values())

    def model(self, name: str) -> ModelRecord:
        record = self._records().get(name)
        if record is None:
            raise NotFound(f"Model {name[:120]!r} is not registered.", action=nearest(name, self._models))
        return record

    def services(self, actor: Actor) -> list[ServiceRecord]:
        """The services this actor may use or see, each with what keeps it from answering."""
        records = self._records()
        return [
            ServiceRecord(service, origin, self._problems(service, records))
            for service, origin in self._services.values()
            if actor.services is None or service.name in actor.services
        ]

    async def add_model(self, actor: Actor, model: Model) -> ModelRecord:
        """Register a model, or a new version under its name (which must then be tested anew)."""
        _require_write(actor)
        _check_name(model.name, "model")
        self._writable(self._models, model.name, "Model")
        model = self._identify(model)
        async with self._database.write() as connection:
            await connection.execute(delete(models).where(models.c.name == model.name))
            row = {"name": model.name, "model": msgspec.json.encode(model)}
            await connection.execute(insert(models).values(**row, added_by=actor.person, added_at=int(self._clock())))
        self._models[model.name] = (model, "console")
        self._rebuild()
        await self._announce("model:registered", actor, {"model": model.name, "digest": model.digest})
        return self.model(model.name)

    async def remove_model(self, actor: Actor, name: str) -> None:
        """Take a model out of the register; refused while a service offers it."""
        _require_write(actor)
        self.model(name)
        self._writable(self._models, name, "Model")
        users = [service.name for service, _ in self._services.values() if name in service.models]
        if users:
            raise Conflict(f"Model {name!r} is offered by {', '.join(users)}.", action="Change these services first.")
        async with self._database.write() as connection:
            await connection.execute(delete(models).where(models.c.name == name))
        del self._models[name]
        self._rebuild()
        await self._announce("model:removed", actor, {"model": name})

    async def set_service(self, actor: Actor, service: Service) -> ServiceRecord:
        """Offer a service or change it. An incomplete one is listed with its problems and does not answer."""
        _require_write(actor)
        _check_name(service.name, "service")
        if not service.models:
            raise BadRequest(f"Service {service.name!r} names no model.", action="Give at least one.", param="models")
        for name in service.models:
            self.model(name)
        self._writable(self._services, service.name, "Service")
        async with self._database.write() as connection:
            await connection.execute(delete(services).where(services.c.name == service.name))
            row = {"name": service.name, "service": msgspec.json.encode(service)}
            await connection.execute(
                insert(services).values(**row, changed_by=actor.person, changed_at=int(self._clock()))
            )
        self._services[service.name] = (service, "console")
        self._rebuild()
        facts: Facts = {
            "service": service.name,
            "scope": service.scope.value,
            "models": " ".join(service.models),
        }
        await self._announce("service:changed", actor, facts)
        return next(record for record in self.services(actor) if record.service.name == service.name)

    async def remove_service(self, actor: Actor, name: str) -> None:
        _require_write(actor)
        if name not in self._services:
            raise NotFound(f"Service {name[:120]!r} does not exist.", action=nearest(name, self._services))
        self._writable(self._services, name, "Service")
        async with self._database.write() as connection:
            await connection.execute(delete(services).where(services.c.name == name))
        del self._services[name]
        self._rebuild()
        await self._announce("service:removed", actor, {"service": name})

    @contextmanager
    def examining(self, name: str) -> Iterator[Model]:
        """While inside, the model is shown as sitting its examination. Conflict when it does already."""
        model = self.model(name).model
        if name in self._examining:
            raise Conflict(f"Model {name!r} sits its examination already.", action="Wait for its end.")
        self._examining.add(name)
        self._rebuild()
        try:
            yield model
        finally:
            self._examining.discard(name)
            self._rebuild()

    async def certify(self, actor: Actor, name: str, suite: str, answers: tuple[Answer, ...]) -> Certificate:
        """Record an examination's result. Passed means every answer passed."""
        _require_write(actor)
        passed = bool(answers) and all(answer.passed for answer in answers)
        return await self._issue(actor, self._draft(name, "examination", suite, passed=passed, answers=answers))

    async def declare(self, actor: Actor, name: str, reason: str) -> Certificate:
        """Let a model serve inside the house on an administrator's word, with the reason on record."""
        _require_write(actor)
        if len(reason.strip()) < 10:
            raise BadRequest("A declaration needs a reason of at least 10 characters.", param="reason")
        draft = self._draft(name, "declaration", "declaration", passed=True, answers=())
        return await self._issue(actor, replace(draft, reason=reason[:400]))

    async def suspend(self, actor: Actor, name: str, reason: str) -> ModelRecord:
        """Stop a model from serving, at once, until `resume`."""
        _require_write(actor)
        self.model(name)
        if not reason.strip():
            raise BadRequest("A suspension needs a reason; users are shown it.", param="reason")
        async with self._database.write() as connection:
            await connection.execute(delete(suspensions).where(suspensions.c.model == name))
            row = {"model": name, "reason": reason[:400], "by": actor.person, "at": int(self._clock())}
            await connection.execute(insert(suspensions).values(**row))
        self._suspended[name] = reason[:400]
        self._rebuild()
        await self._announce("model:suspended", actor, {"model": name})
        return self.model(name)

    async def resume(self, actor: Actor, name: str) -> ModelRecord:
        """End a suspension; the model serves again if its certificate holds."""
        _require_write(actor)
        if self.model(name).state is not State.SUSPENDED:
            raise Conflict(f"Model {name!r} is not suspended.")
        async with self._database.write() as connection:
            await connection.execute(delete(suspensions).where(suspensions.c.model == name))
        del self._suspended[name]
        self._rebuild()
        await self._announce("model:resumed", actor, {"model": name})
        return self.model(name)

    def _draft(
        self,
        name: str,
        basis: Literal["examination", "declaration"],
        suite: str,
        *,
        passed: bool,
        answers: tuple[Answer, ...],
    ) -> Certificate:
        model, now = self.model(name).model, int(self._clock())
        return Certificate(
            id=new_id("cert"),
            model=name,
            digest=model.digest,
            basis=basis,
            suite=suite,
            passed=passed,
            answers=answers,
            reason="",
            issued_by="",
            issued_at=now,
            expires_at=now + CERTIFICATE_DAYS * 86_400,
        )

    async def _issue(self, actor: Actor, draft: Certificate) -> Certificate:
        certificate = replace(draft, issued_by=actor.person)
        row = msgspec.structs.asdict(certificate)
        row["report"] = msgspec.json.encode(row.pop("answers"))
        async with self._database.write() as connection:
            await connection.execute(insert(certificates).values(**row))
        self._certificates[certificate.model] = certificate
        self._rebuild()
        facts: Facts = {
            "model": certificate.model,
            "digest": certificate.digest,
            "basis": certificate.basis,
            "suite": certificate.suite,
            "passed": int(certificate.passed),
        }
        await self._announce("model:certified", actor, facts)
        return certificate

    def _writable(self, known: dict[str, tuple[Any, Origin]], name: str, kind: str) -> None:
        if name in known and known[name][1] == "settings":
            raise Conflict(f"{kind} {name!r} is written in the settings file.", action="Change it there and restart.")

    def _records(self) -> dict[str, ModelRecord]:
        now = self._clock()
        records = {}
        for name, (model, origin) in self._models.items():
            certificate = self._certificates.get(name)
            state = state_of(model, certificate, now)
            if name in self._suspended:
                state = State.SUSPENDED
            elif name in self._examining and state is not State.APPROVED:
                state = State.EXAMINING
            records[name] = ModelRecord(model, origin, state, certificate, self._suspended.get(name, ""))
        return records

    def _problems(self, service: Service, records: dict[str, ModelRecord]) -> tuple[str, ...]:
        found = problems_of(service, records, self._provider_code)
        if self._policy_exists(service.policy):
            return found
        return (*found, f"There is no policy {service.policy[:120]!r}.")

    def _rebuild(self) -> None:
        records = self._records()
        own: dict[str, list[Offer]] = {}
        shared: dict[str, list[Offer]] = {}
        for service, _ in self._services.values():
            for name in service.models:
                problems = self._problems(replace(service, models=(name,)), records)
                offer = service.name, problems or Route(service, records[name].model)
                own.setdefault(service.name, [offer])
                own[f"{service.name}/{name}"] = [offer]
                shared.setdefault(name, []).append(offer)
        self._routes = shared | own
        ends = (record.certificate.expires_at for record in records.values() if record.certificate)
        now = self._clock()
        self._valid_until = min((end for end in ends if end > now), default=now + 86_400)


def _certificate(row: Any) -> Certificate:
    values = row._asdict()
    values["answers"] = _answers.decode(values.pop("report"))
    return Certificate(**values)


def _require_write(actor: Actor) -> None:
    if Permission.WRITE_REGISTRY not in actor.permissions:
        raise NotAllowed(
            f"This needs the permission {Permission.WRITE_REGISTRY.value!r}.", action="Ask an administrator."
        )


def _check_name(name: str, kind: str) -> None:
    if not NAME.match(name):
        raise BadRequest(
            f"A {kind}'s name has 1-100 letters, digits, '.', '_', ':' or '-', got {name[:120]!r}.", param="name"
        )
