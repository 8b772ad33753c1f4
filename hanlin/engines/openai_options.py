"""The options of a model of an upstream: which provider, where, and where its key stands."""

from __future__ import annotations

import os
from pathlib import Path

from hanlin.engines.presets import PRESETS, Preset
from hanlin.errors import BadRequest, Misconfigured, nearest
from hanlin.net.addresses import Origin, parse
from hanlin.types import Model


def preset(model: Model) -> Preset:
    """The provider that the model names. Raises Misconfigured."""
    if "preset" not in model.options:
        return Preset("")
    name = str(model.options["preset"])
    if name not in PRESETS:
        raise Misconfigured(f"Model {model.name!r} names an unknown preset.", action=nearest(name, PRESETS))
    return PRESETS[name]


def origin(model: Model, preset: Preset) -> Origin:
    """The address. Raises Misconfigured."""
    try:
        return parse(str(model.options.get("base_url") or preset.base_url))
    except BadRequest as error:
        raise Misconfigured(
            f"Model {model.name!r}: {error.message}", action=f"{error.action} Set `base_url` or `preset`."
        ) from None


def key_reference(model: Model, preset: Preset) -> str:
    """Where the key stands. A key itself is refused, and not repeated."""
    reference = model.options.get("api_key")
    if reference is None:
        return f"env:{preset.key_variable}" if preset.key_variable else ""
    scheme, _, place = str(reference).partition(":")
    if scheme not in ("env", "file") or not place:
        raise Misconfigured(
            f"Model {model.name!r}: option `api_key` must be `env:NAME` or `file:/path`, got something else.",
            action="Put the key into an environment variable or a file, and change it if it stood in the settings.",
        )
    return str(reference)


def read_key(reference: str) -> str:
    """The key itself; "" when there is none. Raises Misconfigured."""
    scheme, _, place = reference.partition(":")
    try:
        key = Path(place).read_text(encoding="utf-8").strip() if scheme == "file" else os.environ.get(place, "").strip()
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"The key file {place!r} cannot be read ({type(error).__name__}).", action="Check its path and rights."
        ) from None
    if reference and not key:
        raise Misconfigured(f"No key stands in {reference!r}.", action="Set it there and start again.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise Misconfigured(f"The key in {reference!r} holds characters no key has.", action="Write the key alone.")
    return key
