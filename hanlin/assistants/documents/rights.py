"""Who may read what, as conditions of statements: rights are asked for in the database each time, never remembered."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from hanlin.assistants.documents.tables import collections, documents, results, uses
from hanlin.errors import NotFound
from hanlin.types import Actor

_ID = re.compile(r"(?:coll|doc|work)_[0-9a-f]{32}")


def readable(actor: Actor) -> ColumnElement[bool]:
    """A collection is one's own, or shared in the workspace."""
    return and_(
        collections.c.workspace == actor.workspace,
        or_(collections.c.person == actor.person, collections.c.shared.is_(True)),
    )


def readable_documents(actor: Actor, *columns: Any) -> Select[Any]:
    """A statement on documents of collections that the actor may read."""
    joined = documents.join(collections, documents.c.collection == collections.c.id)
    return select(*(columns or (documents,))).select_from(joined).where(readable(actor))


def readable_results(actor: Actor, *columns: Any) -> Select[Any]:
    """A statement on results of the actor's whose documents are all there and may all be read."""
    seen = readable_documents(actor, documents.c.id)
    hidden = exists().where(uses.c.result == results.c.id, uses.c.document.not_in(seen))
    own = results.c.workspace == actor.workspace, results.c.person == actor.person
    return select(*(columns or (results,))).where(*own, ~hidden)


def checked(identifier: str) -> str:
    """An id that may exist. What cannot is NotFound, and reaches no statement."""
    if not _ID.fullmatch(identifier):
        raise absent()
    return identifier


def absent() -> NotFound:
    return NotFound(
        "There is no such collection, document or result.", action="Open it from the list of your collections."
    )
