"""Which bytes somebody wants of a sound (RFC 9110, 14): players seek by asking for them."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
PART_BYTES = 4 * 1024 * 1024
"""Most bytes of one answer to an open range: a player asks again for more."""


def byte_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """First byte, and the one behind the last; the whole without a (single, well-formed) range.

    None where the range begins behind the end: the answer to it is 416.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return 0, size_bytes
    if not match[1]:
        start, end = max(0, size_bytes - int(match[2])), size_bytes
    else:
        start = int(match[1])
        end = min(int(match[2]) + 1 if match[2] else start + PART_BYTES, size_bytes)
    return (start, end) if start < end else None
