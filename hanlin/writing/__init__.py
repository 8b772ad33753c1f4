"""Texts with a structure, written as files that people open: DOCX, PDF, Markdown, HTML, plain text."""

from hanlin.writing.part import Part
from hanlin.writing.write import KINDS, MEDIA_TYPES, Kind, write

__all__ = ["KINDS", "MEDIA_TYPES", "Kind", "Part", "write"]
