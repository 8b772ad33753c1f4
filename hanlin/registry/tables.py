"""Rows of the register. What a settings file registers is not stored here; its certificates and states are."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table

from hanlin.storage import metadata

models = Table(
    "models",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("model", LargeBinary, nullable=False),
    Column("added_by", String(40), nullable=False),
    Column("added_at", Integer, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("service", LargeBinary, nullable=False),
    Column("changed_by", String(40), nullable=False),
    Column("changed_at", Integer, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("model", String(120), primary_key=True),
    Column("reason", String(400), nullable=False),
    Column("by", String(40), nullable=False),
    Column("at", Integer, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("model", String(120), nullable=False, index=True),
    Column("digest", String(80), nullable=False),
    Column("basis", String(20), nullable=False),
    Column("suite", String(80), nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("report", LargeBinary, nullable=False),
    Column("reason", String(400), nullable=False),
    Column("issued_by", String(40), nullable=False),
    Column("issued_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
)
