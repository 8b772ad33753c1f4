"""The search by words: one tantivy index. It also keeps the passages, so that a source is written by one commit.

tantivy (MIT) is crash-safe: a commit is the renaming of a small file, and before it nothing new is seen. Passages are
found by terms made here (`terms.py`); nothing that a person wrote is ever parsed as a query.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import Struct

from hanlin.errors import Misconfigured
from hanlin.retrieval.passages import Passage
from hanlin.retrieval.terms import is_single, terms

if TYPE_CHECKING:
    import tantivy

WRITER_BYTES = 32_000_000
"""Held while passages are written."""
QUERY_CHARACTERS = 512
"""What is behind them is not searched."""
QUERY_TERMS = 64
"""Of a longer query the rarest are searched: the others cost time and tell little."""
SINGLE_WEIGHT = 0.3
"""What a single Chinese character counts beside a pair. Measured: `benchmarks/bench_retrieval.py`."""
NO_ROW = -1


class Entry(Struct, frozen=True, array_like=True):
    """What is kept of a passage."""

    space: str
    row: int
    """Of its vector; `NO_ROW` when it has none."""
    passage: Passage


class Words:
    """One writer at a time; readers may go on. Every method blocks."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, str(folder))
        self._analyzer = _analyzer()
        self._index.register_tokenizer("terms", self._analyzer)
        self._index.config_reader("manual")
        self._writer = self._new_writer()

    def close(self) -> None:
        """Wait for what runs in the background; afterwards nothing can be written."""
        self._writer.wait_merging_threads()

    def snapshot(self) -> tantivy.Searcher:
        """What was committed until now; it stays so while it is held."""
        return self._index.searcher()

    def replace(self, source: str, entries: Iterable[Entry]) -> None:
        """Put the entries in the place of all that the source had, in one commit."""
        self._writer.delete_documents_by_term("source", source)
        self._write(entries)

    def remove_space(self, space: str) -> None:
        self._writer.delete_documents_by_term("space", space)
        self._commit()

    def rows(self, field: str = "", value: str = "") -> np.ndarray[Any, np.dtype[np.int64]]:
        """The vectors' rows and their spaces' numbers, as two columns: of all entries, or of a `source` or `space`."""
        searcher = self.snapshot()
        found = [address for _, address in self._found(searcher, self._term(field, value) if field else None)]
        columns = [searcher.fast_field_values(name, found) for name in ("row", "owner")] if found else [[], []]
        table = np.array(columns, np.int64).T
        return table[table[:, 0] != NO_ROW] if len(table) else np.zeros((0, 2), np.int64)

    def entries(self, source: str) -> list[Entry]:
        """In the order in which they were given."""
        searcher = self.snapshot()
        found = [self.entry(searcher, address) for _, address in self._found(searcher, self._term("source", source))]
        return sorted(found, key=lambda entry: int(entry.passage.id.rpartition(".")[2]))

    def count(self, source: str) -> int:
        counted: Any = self.snapshot().search(self._term("source", source), 1, count=True)
        return int(counted.count)

    def entry(self, searcher: tantivy.Searcher, address: tantivy.DocAddress) -> Entry:
        stored: Any = searcher.doc(address).get_first("entry")
        return msgspec.msgpack.decode(stored, type=Entry)

    def query_terms(self, query: str) -> list[str]:
        """Each once, stemmed."""
        return list(dict.fromkeys(self.stemmed(terms(query[:QUERY_CHARACTERS]))))

    def stemmed(self, words: Iterable[str]) -> list[str]:
        return self._analyzer.analyze(" ".join(words))

    def search(
        self, searcher: tantivy.Searcher, spaces: Collection[str], words: Sequence[str], limit: int
    ) -> list[tantivy.DocAddress]:
        """The best matches by BM25 in these spaces, best first."""
        import tantivy

        queries = [self._weighed(word) for word in self._rarest(searcher, words)]
        if not queries:
            return []
        any_of = tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])
        return [address for _, address in searcher.search(self._within(spaces, any_of), limit, count=False).hits]

    def at_rows(
        self, searcher: tantivy.Searcher, spaces: Collection[str], rows: Sequence[int]
    ) -> list[tantivy.DocAddress]:
        """The passages whose vectors stand there, in that order; those of other spaces are left out."""
        import tantivy

        if not rows:
            return []
        query = self._within(spaces, tantivy.Query.term_set_query(self._schema, "row", rows))
        found = [address for _, address in searcher.search(query, len(rows), count=False).hits]
        order = {row: place for place, row in enumerate(rows)}
        places = [order[int(row or 0)] for row in searcher.fast_field_values("row", found)] if found else []
        return [address for _, address in sorted(zip(places, found, strict=True), key=lambda pair: pair[0])]

    def rewrite(self) -> None:
        """Write what stands in one file with removed passages anew, in one commit.

        tantivy leaves what was removed in its files until nothing else is in a file, and then deletes the file. Merges
        in the background would carry removed passages on meanwhile, so they are waited for first.
        """
        self._writer.wait_merging_threads()
        self._writer = self._new_writer()
        self._index.reload()
        unclean = self._unclean()
        if unclean:
            searcher = self.snapshot()
            found = [address for _, address in self._found(searcher, None)]
            counts = Counter(address.segment_ord for address in found)
            beside = (address for address in found if counts[address.segment_ord] in unclean)
            self._write(self._taken_out(self.entry(searcher, address) for address in beside))
        self._writer.garbage_collect_files()

    def _taken_out(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self._writer.delete_documents_by_term("id", entry.passage.id)
            yield entry

    def _unclean(self) -> set[int]:
        """How many passages each of the files still holds that also hold removed ones."""
        segments = json.loads((self._folder / "meta.json").read_bytes())["segments"]
        return {each["max_doc"] - each["deletes"]["num_deleted_docs"] for each in segments if each["deletes"]}

    def _new_writer(self) -> tantivy.IndexWriter:
        try:
            return self._index.writer(WRITER_BYTES, 1)
        except ValueError as error:
            raise Misconfigured(
                "The search index is in use by another process.",
                action="Stop the other Hanlin that uses this data folder.",
                code="index_in_use",
            ) from error

    def _write(self, entries: Iterable[Entry]) -> None:
        try:
            for entry in entries:
                self._writer.add_document(self._document(entry))
            self._commit()
        except BaseException:
            self._writer.rollback()
            raise

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()

    def _document(self, entry: Entry) -> tantivy.Document:
        import tantivy

        document, passage = tantivy.Document(), entry.passage
        document.add_text("id", passage.id)
        document.add_text("source", passage.source)
        document.add_text("space", entry.space)
        document.add_integer("owner", number(entry.space))
        document.add_integer("row", entry.row)
        document.add_text("terms", " ".join(terms(passage.with_heading)))
        document.add_bytes("entry", msgspec.msgpack.encode(entry))
        return document

    def _found(self, searcher: tantivy.Searcher, query: tantivy.Query | None) -> list[tuple[Any, tantivy.DocAddress]]:
        import tantivy

        asked = query or tantivy.Query.all_query()
        return searcher.search(asked, max(searcher.num_docs, 1), count=False).hits

    def _rarest(self, searcher: tantivy.Searcher, words: Sequence[str]) -> list[str]:
        known = {word: searcher.doc_freq("terms", word) for word in words}
        return sorted((word for word in words if known[word]), key=lambda word: known[word])[:QUERY_TERMS]

    def _weighed(self, word: str) -> tantivy.Query:
        import tantivy

        query = self._term("terms", word, "freq")
        return tantivy.Query.boost_query(query, SINGLE_WEIGHT) if is_single(word) else query

    def _within(self, spaces: Collection[str], query: tantivy.Query) -> tantivy.Query:
        import tantivy

        inside = tantivy.Query.term_set_query(self._schema, "space", sorted(spaces))
        silent = tantivy.Query.const_score_query(inside, 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, silent), (tantivy.Occur.Must, query)])

    def _term(self, field: str, value: str, option: str = "basic") -> tantivy.Query:
        import tantivy

        return tantivy.Query.term_query(self._schema, field, value, index_option=option)


def number(space: str) -> int:
    """A space as a number that is not 0: what the vectors' rows are marked with."""
    return int.from_bytes(blake2b(space.encode(), digest_size=8).digest(), "little", signed=True) | 1


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in ("id", "source", "space"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("owner", fast=True)
    builder.add_integer_field("row", indexed=True, fast=True)
    builder.add_text_field("terms", tokenizer_name="terms", index_option="freq")
    builder.add_bytes_field("entry", stored=True)
    return builder.build()


def _analyzer() -> tantivy.TextAnalyzer:
    import tantivy

    stem = tantivy.Filter.stemmer("english")  # words of other languages lose an ending at most, in text and query alike
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).filter(stem).build()
