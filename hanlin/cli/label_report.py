"""hanlin label report: the evidence pack that app stores and regulators ask for."""

from __future__ import annotations

from pathlib import Path

from hanlin.app.offer import model_code, models, services
from hanlin.app.sealing import imprint, signed, trust
from hanlin.errors import BadRequest
from hanlin.labels import Labeller
from hanlin.labels.evidence.report import Making, Offered, Operator, write_report
from hanlin.settings import Settings
from hanlin.types import Service, new_id


def report(settings: Settings, folder: Path | None) -> int:
    """Write `report.pdf`, `samples/` and `metadata/` into the folder."""
    if folder is None:
        raise BadRequest("Say where the report goes.", action="Give `--to FOLDER`, a new one.")
    order = signed(settings, imprint(settings, ""))
    samples = write_report(folder, operator(settings), Making(order, trust(settings), _number), settings.language)
    print(f"{folder / 'report.pdf'}, with {len(samples)} samples in {folder / 'samples'}.")
    if not settings.social_credit_code:
        print("Without `social_credit_code` the labels name the operator and no provider code: set it, then repeat.")
    return 0


def operator(settings: Settings) -> Operator:
    """What the settings say of who offers what."""
    labeller = Labeller(settings.operator, settings.social_credit_code)
    return Operator(
        settings.operator,
        settings.social_credit_code,
        f"{settings.url}/verify",
        tuple(_offered(service) for service in services(settings)),
        tuple((model.name, labeller.producer(model_code(model))) for model in models(settings)),
    )


def _offered(service: Service) -> Offered:
    filing = service.filing.number if service.filing else ""
    return Offered(service.title or service.name, service.scope.value, ", ".join(service.models), filing)


def _number() -> str:
    return new_id("lbl").removeprefix("lbl_")
