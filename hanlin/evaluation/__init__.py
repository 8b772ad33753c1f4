"""Examining models before they serve. Measuring is not serving: it may call an engine bare."""

from hanlin.evaluation.entrance import SUITE, examine

__all__ = ["SUITE", "examine"]
