"""The classifiers that ship with the package. How each was made and what it is worth: docs/reference/policy.md."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hanlin.errors import Misconfigured, nearest
from hanlin.policy.classifier.judge import Classifier
from hanlin.policy.classifier.linear import decode

FILES = {"offence": "offence.weights"}
"""Name -> file of weights beside this one, written by `scripts/train_offence.py`."""

CONTROLS = Path(__file__).with_name("controls.toml")
"""Harmless sentences by kind, none of them trained on; `hanlin policy evaluate` counts false alarms by them."""
RECOMMENDED = {"offence": (0.5, 0.95)}
"""Name -> thresholds `review` and `refuse`. By people's labels `offence` is right in 0.81 of what it finds from 0.95 up
(most of the rest speaks against discrimination), so what is found there should be held or scored, not refused."""


@cache
def embedded(name: str) -> Classifier:
    """The named classifier, read once. Raises Misconfigured for an unknown name or a damaged file."""
    if name not in FILES:
        raise Misconfigured(f"There is no classifier {name!r}.", action=nearest(name, FILES))
    path = Path(__file__).with_name(FILES[name])
    try:
        return decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"The weights of classifier {name!r} cannot be used: {error}", action="Install the package again."
        ) from None
