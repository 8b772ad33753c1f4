"""Which weights exist, with licence, SHA-256 and mirrors; and the content-addressed store they lie in."""

from hanlin.catalog.header import Header
from hanlin.catalog.importing import import_file
from hanlin.catalog.pulling import pull
from hanlin.catalog.recognise import read_header
from hanlin.catalog.removing import remove
from hanlin.catalog.store import State, Store
from hanlin.catalog.verifying import Verified, verify
from hanlin.catalog.weights import (
    HuggingFace,
    Mirror,
    ModelScope,
    Progress,
    PublishedFile,
    PyPI,
    Report,
    Weights,
    known,
)

__all__ = [
    "Header",
    "HuggingFace",
    "Mirror",
    "ModelScope",
    "Progress",
    "PublishedFile",
    "PyPI",
    "Report",
    "State",
    "Store",
    "Verified",
    "Weights",
    "import_file",
    "known",
    "pull",
    "read_header",
    "remove",
    "verify",
]
