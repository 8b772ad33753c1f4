"""The child process: reads calls from its input, answers on its output, under a ceiling of memory.

    python -m hanlin.sandbox.child MEMORY_MIB

A call is a line of JSON, `{"function": "hanlin.…:name", "arguments": […]}`; an answer is a line, `{"value": …}` or
`{"error": [code, message, action]}`. Files stay on disk and are named by their paths.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from hanlin.errors import BadFile, HanlinError
from hanlin.sandbox.wire import Answer, Call

MIB = 1024 * 1024


def main(memory_mib: int) -> None:
    """Answer calls until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin.buffer:
        call = msgspec.json.decode(line, type=Call)
        function = _find(call.function)
        limit_memory(memory_mib)  # after the imports: the ceiling is for the work
        answers.write(msgspec.json.encode(_answer(function, call.arguments)) + b"\n")
        answers.flush()
        gc.collect()


def limit_memory(mebibytes: int) -> None:
    """Let this process have no more private memory than now and so much (RLIMIT_DATA, Linux 4.7)."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + mebibytes * MIB, hard))


def _find(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _answer(function: Callable[..., Any], arguments: list[Any]) -> Answer:
    try:
        hints = get_type_hints(function)
        hints.pop("return", None)
        typed = [msgspec.convert(value, kind) for value, kind in zip(arguments, hints.values(), strict=False)]
        return Answer(value=msgspec.Raw(msgspec.json.encode(function(*typed))))
    except HanlinError as error:
        return Answer(error=(error.code, error.message, error.action))
    except MemoryError:
        return Answer(error=(BadFile.default_code, "The file needs more memory than one file may take.", ""))
    except Exception as error:  # noqa: BLE001 - the edge of the process; the kind is told, the text may quote content
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.stderr.write(f"{type(error).__name__} at {place.filename}:{place.lineno} (message withheld)\n")
        return Answer(error=(BadFile.default_code, f"The file cannot be read ({type(error).__name__}).", ""))


if __name__ == "__main__":
    main(int(sys.argv[1]))
