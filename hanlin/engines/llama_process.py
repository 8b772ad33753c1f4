"""One child process with a model in it: started, spoken to, and seen to its end."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
import time
from asyncio import Queue, StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path

import msgspec

from hanlin.engines.llama_wire import HEADER, Kind, Start, pack
from hanlin.errors import EngineFailed, HanlinError

COMMAND = (sys.executable, "-m", "hanlin.engines.llama_child")
CANCEL_SECONDS = 30.0
"""A cancelled request that still runs after this is a child that hangs."""
END_SECONDS = 2.0


class Call:
    """A request in the child. `events` holds what it answers, then how it ended."""

    __slots__ = ("cancelled_at", "events", "fingerprint", "over", "started")

    def __init__(self, fingerprint: bytes, over: Callable[[], None]) -> None:
        self.events: Queue[bytes | Kind | HanlinError] = Queue()
        self.fingerprint = fingerprint
        self.over = over
        """Called once, when the child's slot is free again."""
        self.started = False
        self.cancelled_at = float("inf")


class Child:
    """The running child. `calls` are the requests in it, by number."""

    def __init__(self, process: Process, reader: StreamReader, writer: StreamWriter) -> None:
        self.calls: dict[int, Call] = {}
        self._process, self._reader, self._writer = process, reader, writer
        self._numbers = itertools.count(1)

    @classmethod
    async def spawn(cls, start: Start, command: tuple[str, ...] = COMMAND) -> Child:
        """Start the process and hand it its orders; `loaded` waits for the model. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            writer.write(pack(Kind.START, payload=msgspec.json.encode(start)))
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    stderr=DEVNULL,  # llama.cpp prints people's schemas there
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    env={name: value for name, value in os.environ.items() if not name.startswith("HANLIN_")},
                )
            except BaseException:
                writer.close()
                raise
        return cls(process, reader, writer)

    async def loaded(self) -> str:
        """Wait until the model is loaded: why it cannot be, empty when it is."""
        try:
            kind, _, payload = await self._frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return f"its process {await self.ended()} while loading"
        return "" if kind is Kind.READY else payload.decode()

    def post(self, body: bytes, fingerprint: bytes, over: Callable[[], None]) -> Call:
        """Send a request; `over` is called once it has left the child."""
        call = Call(fingerprint, over)
        number = next(self._numbers)
        self.calls[number] = call
        self._writer.write(pack(Kind.GENERATE, number, body))
        return call

    def cancel(self, call: Call) -> None:
        """Stop a request; nothing happens to one that is over."""
        for number, running in self.calls.items():
            if running is call:
                call.cancelled_at = time.monotonic()
                self._writer.write(pack(Kind.CANCEL, number))
                return

    def hangs(self) -> bool:
        """Whether a request was cancelled long ago and still runs."""
        return any(time.monotonic() - call.cancelled_at > CANCEL_SECONDS for call in self.calls.values())

    async def relay(self, done: Callable[[bytes], None]) -> None:
        """Bring events to their calls until the child is gone; `done` hears the fingerprint of each finished call."""
        try:
            while True:
                kind, number, payload = await self._frame()
                call = self.calls[number]
                if kind is Kind.EVENT:
                    call.started = True
                    call.events.put_nowait(payload)
                    continue
                del self.calls[number]
                call.events.put_nowait(kind)
                call.over()
                done(call.fingerprint)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def drop_calls(self, code: str, message: str) -> None:
        """Tell every running request that its child is gone."""
        while self.calls:
            _, call = self.calls.popitem()
            call.events.put_nowait(EngineFailed(message, code=code, retryable=not call.started))
            call.over()

    def memory_bytes(self, field: str = "VmRSS") -> int:
        """Resident memory now (`VmRSS`), or the part that is not the weights' file (`RssAnon`); 0 when it is gone."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0
        _, _, rest = status.partition(f"{field}:")
        return int(rest.split(None, 1)[0]) * 1024 if rest else 0

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> str:
        """Close the channel, see the process to its end, and say how it ended."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        code = self._process.returncode or 0
        return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"

    async def _frame(self) -> tuple[Kind, int, bytes]:
        size, number, kind = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        return Kind(kind), number, await self._reader.readexactly(size)
