"""The engine's own process: llama.cpp and nothing else. Run as `python -m hanlin.engines.llama_child <descriptor>`.

It speaks frames (`llama_wire`) over the inherited socket, ends when that closes, and never outlives its parent.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from hanlin.engines.llama_wire import HEADER, Kind, Start, pack

PR_SET_PDEATHSIG = 1
PROGRESS = b'"prompt_progress":{'
"""Sent after each prompt batch so that a request can be cancelled before its first token; not part of an answer."""


class Channel:
    """The socket to the parent: frames in on the main thread, frames out from any."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._input = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def send(self, kind: Kind, request: int = 0, payload: bytes = b"") -> None:
        with self._lock:
            self._socket.sendall(pack(kind, request, payload))

    def frames(self) -> Iterator[tuple[Kind, int, bytes]]:
        """Frames until the parent is gone."""
        while len(head := self._input.read(HEADER.size)) == HEADER.size:
            size, request, kind = HEADER.unpack(head)
            yield Kind(kind), request, self._input.read(size)


def yield_to_the_server() -> None:
    """Die with the parent; leave it the processor and, when memory runs out, its life."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(5)
    with suppress(OSError):  # a container may mount /proc read-only
        Path("/proc/self/oom_score_adj").write_text("500")


def load(start: Start) -> Any:
    """A loaded llama.cpp server. Raises RuntimeError with the reason when the weights are not usable."""
    import xllamacpp

    check_file(Path(start.weights))
    # The library always opens an HTTP port. Here it is a socket in a private folder that is gone once it is bound,
    # and it asks for a key nobody has: there is no way to the model but the channel.
    with tempfile.TemporaryDirectory(prefix="hanlin-") as folder:
        params = parameters(xllamacpp.CommonParams(), start)
        params.hostnames = [f"{folder}/http.sock"]
        params.api_keys = [secrets.token_hex(32)]
        try:
            return xllamacpp.Server(params)
        except RuntimeError:
            raise RuntimeError(
                "llama.cpp cannot load the weights: cut short, damaged or of an unknown kind, or memory is short"
            ) from None


def check_file(weights: Path) -> None:
    try:
        with weights.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise RuntimeError(f"the weights cannot be read: {error.strerror}") from None
    if magic != b"GGUF":
        raise RuntimeError("the weights are not a GGUF file")


def parameters(params: Any, start: Start) -> Any:
    params.model.path = start.weights
    params.model_alias = {"model"}
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = start.threads
    params.n_parallel = start.slots
    params.kv_unified = True
    params.n_ctx = start.context_tokens * start.slots
    params.kv_unified_per_slot = start.context_tokens
    # A prompt batch is the unit of cancelling and of other answers' waiting: half a second of a small model per thread.
    params.n_batch = params.n_ubatch = min(512, 32 * start.threads)
    params.cache_ram_mib = start.prompt_cache_mib
    params.prefill_assistant = False
    params.ui = False
    params.verbosity = 0
    return params


def serve(channel: Channel, server: Any, slots: int) -> None:
    """Answer requests, `slots` at once, until the parent is gone."""
    running: set[int] = set()
    threads = ThreadPoolExecutor(slots)
    for kind, request, payload in channel.frames():
        if kind is Kind.GENERATE:
            running.add(request)
            threads.submit(answer, channel, server, running, request, payload)
        elif kind is Kind.CANCEL:
            running.discard(request)


def answer(channel: Channel, server: Any, running: set[int], request: int, body: bytes) -> None:
    """One request: forward each event, and stop at the next one when it is no longer in `running`."""

    def forward(event: bytes) -> bool:
        if PROGRESS not in event:
            channel.send(Kind.EVENT, request, event)
        return request not in running

    outcome = Kind.END
    try:
        if request in running:
            server.handle_chat_completions(body, forward)
    except ValueError:
        outcome = Kind.REFUSED
    except RuntimeError:
        outcome = Kind.BROKEN
    running.discard(request)
    channel.send(outcome, request)


def main(descriptor: int, load: Callable[[Start], Any] = load) -> None:
    """Load what START says, then answer until the channel closes. Never returns."""
    channel = Channel(descriptor)
    yield_to_the_server()
    _, _, payload = next(channel.frames())
    start = msgspec.json.decode(payload, type=Start)
    try:
        server = load(start)
    except (RuntimeError, ImportError, OSError) as error:
        channel.send(Kind.FAILED, payload=str(error).encode())
        os._exit(1)
    # A signal to the whole group is for the server, which lets answers finish; this process ends with its channel.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel.send(Kind.READY)
    serve(channel, server, start.slots)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
