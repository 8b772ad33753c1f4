"""Hanlin: offer generative AI, and answer for it."""

__version__ = "0.1.0"
