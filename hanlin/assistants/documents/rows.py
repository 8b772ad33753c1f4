"""Rows as the structs that others see."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from hanlin.assistants.documents.records import Collection, Document, DocumentState, Result

_COLLECTION = tuple(name for name in Collection.__struct_fields__ if name != "documents")
_DOCUMENT = tuple(name for name in Document.__struct_fields__ if name not in {"state", "notices"})


def collection(row: Row[Any], count: int) -> Collection:
    return Collection(documents=count, **{name: getattr(row, name) for name in _COLLECTION})


def document(row: Row[Any]) -> Document:
    values = {name: getattr(row, name) for name in _DOCUMENT}
    return Document(state=DocumentState(row.state), notices=tuple(row.notices.split()), **values)


def result(row: Row[Any]) -> Result:
    return msgspec.json.decode(row.data, type=Result)
