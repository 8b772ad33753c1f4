"""The register of models and services: what may answer, under which name, for whom, and on whose word."""

from hanlin.registry.records import Certificate, ModelRecord, ServiceRecord, State
from hanlin.registry.registry import Registry

__all__ = ["Certificate", "ModelRecord", "Registry", "ServiceRecord", "State"]
