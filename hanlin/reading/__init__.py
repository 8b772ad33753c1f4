"""Reads a file's content with its structure. `read` and `render` parse files from outside: call them in the sandbox."""

from hanlin.reading.document import (
    Block,
    Box,
    Document,
    Heading,
    Limits,
    Line,
    Page,
    Picture,
    outline,
    places,
    tables,
)
from hanlin.reading.reader import read
from hanlin.reading.recognition import recognised
from hanlin.reading.rendering import render
from hanlin.reading.sentences import sentences

__all__ = [
    "Block",
    "Box",
    "Document",
    "Heading",
    "Limits",
    "Line",
    "Page",
    "Picture",
    "outline",
    "places",
    "read",
    "recognised",
    "render",
    "sentences",
    "tables",
]
