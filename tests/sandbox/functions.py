"""What files can do to who reads them."""

import os
import sys
import time
from pathlib import Path

from msgspec import Struct

from hanlin.errors import BadFile


class Read(Struct, frozen=True):
    size: int
    process: int


def size(path: str) -> Read:
    return Read(len(Path(path).read_bytes()), os.getpid())


def hang(seconds: float) -> None:
    time.sleep(seconds)


def swell(mebibytes: int) -> int:
    return len(bytearray(mebibytes * 1024 * 1024))


def crash() -> None:
    os.abort()


def recurse() -> None:
    recurse()


def complain() -> None:
    raise BadFile("Expected a PNG, got 'GIF8'.", code="other_kind", action="Send a PNG.")


def shout() -> int:
    print("what a library says")
    sys.stdout.flush()
    return 7
