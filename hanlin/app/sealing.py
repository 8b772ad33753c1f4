"""What the settings say of marks on files: who the operator is, which model made them, with what they are signed."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hanlin.app.offer import model_code, models
from hanlin.errors import Misconfigured, NotFound, nearest
from hanlin.labels import Authority, Imprint, Labeller, Order, Trust
from hanlin.settings import Settings
from hanlin.types import Model, Route, Service


def keys_folder(settings: Settings) -> Path:
    """Where the signing material lies: made at first use, or put there by the operator."""
    return Path(settings.data) / "signing"


def imprint(settings: Settings, name: str) -> Imprint:
    """The label of files that a model of the settings made, still without a number.

    Raises NotFound for a model that is not in them.
    """
    labeller = Labeller(settings.operator, settings.social_credit_code)
    model = _model(settings, name)
    model = replace(model, code=model_code(model))
    label = labeller.aigc(Route(Service(name=model.name, models=(model.name,)), model), "")
    return Imprint(label, system=model.name, version=model.version)


def signed(settings: Settings, wanted: Imprint) -> Order:
    """An order that is signed as the settings say."""
    return Order(
        wanted,
        security=settings.label_security,
        keys=str(keys_folder(settings).resolve()),
        operator=settings.operator,
        time_stamp_url=settings.time_stamp_url,
        spoken=spoken_label(settings),
    )


def spoken_label(settings: Settings) -> str:
    """Path of the operator's own audible label; "" for the rhythm. Raises Misconfigured when there is no such file."""
    file = Path(settings.spoken_label)
    if settings.spoken_label and not file.is_file():
        raise Misconfigured(f"spoken_label names no file: {file}.", action="Put the wave file there, or unset it.")
    return str(file.resolve()) if settings.spoken_label else ""


def trust(settings: Settings, *, make: bool = True) -> Trust:
    """Whom the server believes: this operator, and the anchors that lie beside its keys.

    Unless `make`, nobody where there are no keys yet: looking at a file leaves nothing behind.
    """
    if not make and not keys_folder(settings).exists():
        return Trust()
    authority = Authority.open(keys_folder(settings), settings.operator)
    return Trust(authority.trust_anchors, authority.public_keys)


def _model(settings: Settings, name: str) -> Model:
    known = {model.name: model for model in models(settings)}
    if not name and known:
        return next(iter(known.values()))
    if name not in known:
        raise NotFound(f"No model {name[:60]!r} stands in the settings.", action=nearest(name, known))
    return known[name]
