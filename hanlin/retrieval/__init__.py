"""Passages of files and recordings, found by words and by meaning, and only by those who may see them."""

from hanlin.retrieval.chunking import Piece, chunk, pieces
from hanlin.retrieval.index import Found, Index
from hanlin.retrieval.passages import Passage

__all__ = ["Found", "Index", "Passage", "Piece", "chunk", "pieces"]
