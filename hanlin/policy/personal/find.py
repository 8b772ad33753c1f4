"""Everything personal in one text, and what at the end of a text may still become so."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal import addresses, codes, contacts, names, numbers, secrets
from hanlin.policy.personal.kinds import Finding, level

LOOKBACK_CHARACTERS = 96
"""A finding depends on no more than this before it: the user of a URL (64) is the longest."""

Keep = Callable[[Finding, str], bool]
Search = Callable[[str, int], re.Match[str] | None]


def _everything(finding: Finding, text: str) -> bool:  # noqa: ARG001 - the shape of Keep
    return True


class Finder:
    """Finds some kinds. What it finds at a place depends on the 96 characters before it and on what follows up to where
    `grows` says so, so that a growing text gives the same as a whole one.
    """

    def __init__(self, kinds: Collection[PersonalKind], keep: Keep = _everything) -> None:
        """Only findings for which `keep(finding, text)` holds are weighed against each other."""
        self._kinds = frozenset(kinds)
        self._keep = keep
        self._finders = _finders(self._kinds)
        self._grows = _chosen(_GROWS, kinds)
        self._grows_after = _chosen(_GROWS_AFTER, kinds)
        self._addressed = "address" in kinds
        self._may_start = re.compile(f"[{''.join(_STARTS[kind] for kind in kinds)}]").search

    def find(self, text: str) -> list[Finding]:
        return self.find_between(level(text), 0, len(text))

    def find_between(self, text: str, start: int, stop: int) -> list[Finding]:
        """Findings of a levelled text that start from `start` on and before `stop`, none over another, in order."""
        if not self._may_start(text, start):
            return []
        before = max(0, start - LOOKBACK_CHARACTERS)
        found = [
            finding
            for finder in self._finders
            for finding in finder(text, start, before)
            if finding.start < stop and finding.kind in self._kinds and self._keep(finding, text)
        ]
        return list(_apart(sorted(found, key=_rank)))

    def grows(self, text: str, start: int) -> int:
        """From where on the end of a levelled text may still become something, or change what it is."""
        end = len(text)
        for search in self._grows:
            if own := search(text, start):
                end = min(end, own.start())
        for search in self._grows_after:
            if after := search(text, max(0, start - LOOKBACK_CHARACTERS)):
                end = min(end, max(start, after.start()))
        return end

    def is_idle(self, before: str, text: str) -> bool:
        """Whether nothing can start in the levelled text, with nothing growing before it."""
        if self._may_start(text):
            return False
        return not self._addressed or not addresses.WORD.search(before[-addresses.WORD_CHARACTERS :] + text)


def find(text: str, kinds: Collection[PersonalKind]) -> list[Finding]:
    """What is found of these kinds, in order; of two that overlap the surer stands, then the longer."""
    return Finder(kinds).find(text)


Find = Callable[[str, int, int], Iterator[Finding]]


def _finders(kinds: frozenset[PersonalKind]) -> list[Find]:
    chosen: list[Find] = []
    if kinds & numbers.NUMBERS:
        chosen.append(lambda text, start, _: numbers.find_numbers(text, start))
    if kinds & codes.CODES:
        chosen.append(lambda text, start, _: codes.find_codes(text, start))
    single: dict[PersonalKind, Find] = {
        "plate": lambda text, start, _: codes.find_plates(text, start),
        "email": lambda text, start, _: contacts.find_emails(text, start),
        "ip_address": lambda text, start, _: contacts.find_ip_addresses(text, start),
        "account": contacts.find_accounts,
        "secret": secrets.find_secrets,
        "name": names.find_names,
        "address": addresses.find_addresses,
    }
    return chosen + [finder for kind, finder in single.items() if kind in kinds]


_GROWS: dict[PersonalKind, tuple[str, ...]] = {
    **dict.fromkeys(numbers.NUMBERS, numbers.GROWS),
    **dict.fromkeys(codes.CODES, codes.CODE_GROWS),
    "plate": codes.PLATE_GROWS,
    "email": contacts.EMAIL_GROWS,
    "ip_address": contacts.IP_GROWS,
    "secret": secrets.GROWS,
    "name": names.GROWS,
    "address": addresses.GROWS,
}
_GROWS_AFTER: dict[PersonalKind, tuple[str, ...]] = {
    "account": contacts.ACCOUNT_GROWS_AFTER,
    "secret": secrets.GROWS_AFTER,
    "name": names.GROWS_AFTER,
    "address": addresses.GROWS_AFTER,
}
_STARTS: dict[PersonalKind, str] = {
    **dict.fromkeys(numbers.NUMBERS, numbers.STARTS),
    **dict.fromkeys(codes.CODES, "A-Z0-9"),
    "plate": codes.PLATES,
    "email": "A-Za-z0-9._%+-",
    "ip_address": "0-9A-Fa-f",
    "account": "A-Za-z0-9",
    "secret": "!-~",
    "name": names.STARTS,
    "address": addresses.STARTS,
}
"""Characters that a finding may start with; a text without them needs no look."""


def _chosen(patterns: dict[PersonalKind, tuple[str, ...]], kinds: Collection[PersonalKind]) -> list[Search]:
    """One search a pattern: joined to one, they would lose the quick skip to characters that one may start with."""
    chosen = dict.fromkeys(pattern for kind in kinds for pattern in patterns.get(kind, ()))
    return [re.compile(pattern).search for pattern in chosen]


def _rank(finding: Finding) -> tuple[int, float, int]:
    return finding.start, -finding.score, -finding.end


def _apart(found: Iterable[Finding]) -> Iterator[Finding]:
    """Of findings by start: where some overlap, the surest, then longest."""
    standing: Finding | None = None
    for finding in found:
        if standing is None or finding.start >= standing.end:
            if standing:
                yield standing
            standing = finding
        elif (finding.score, finding.end - finding.start) > (standing.score, standing.end - standing.start):
            standing = finding
    if standing:
        yield standing
