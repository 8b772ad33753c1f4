"""DBOS below the room: which jobs wait, which steps are done. No other file knows it.

DBOS is one per process and runs workflows on an event loop of its own, in its own thread. It is launched with the
first job, for most houses of a test never have one. Its tables hold ids and step values only, as JSON.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL

from hanlin.errors import Conflict
from hanlin.jobs.steps import StepFailed, Turn, keep
from hanlin.types import new_id

T = TypeVar("T")
Ask = Callable[[Turn], None]
Run = Callable[[str, Ask], Awaitable[None]]
"""Runs one job's body on the server's loop; it asks for each of its steps."""

WORKFLOW = "hanlin-job"
HEAVY, LIGHT = "hanlin-heavy", "hanlin-light"
SCHEMA = "hanlin_jobs"
VERSION = "1"
"""Steps are found again by their names and order, not by the code's hash: a new release goes on with old jobs."""
STOP_SECONDS = 5
"""Longest wait for a queue to let go."""
log = logging.getLogger("hanlin.jobs")

_holder: Durable | None = None
"""Who has launched this process's DBOS."""


class Durable:
    """One server's workflows. Every function but `open` may be called from any task of the server's loop."""

    def __init__(self, address: URL, folder: Path, run: Run, *, heavy: int, light: int, poll_seconds: float) -> None:
        self._address = address
        self._folder = folder
        self._run = run
        self._limits = {HEAVY: heavy, LIGHT: light}
        self._poll_seconds = poll_seconds
        self._home = asyncio.get_running_loop()
        self._launching = asyncio.Lock()
        self._dbos: Any = None
        self._workflow: Any = None

    async def launch(self) -> None:
        """Bring DBOS up if it is not; workflows that a crash or a stop left begin again.

        Raises Conflict while another server of this process has it.
        """
        global _holder  # noqa: PLW0603 - DBOS itself is one per process
        async with self._launching:
            if _holder is self:
                return
            if _holder is not None:
                raise Conflict(
                    "Another server in this process runs jobs.",
                    action="Close it first, or start this server in a process of its own.",
                    code="jobs_elsewhere",
                )
            _holder = self
            try:
                await self._outside(self._launch)
            except BaseException:
                await self._outside(self._destroy)
                _holder = None
                raise

    async def close(self) -> None:
        """Stop DBOS; what runs is cancelled without an outcome, so that it goes on after the next launch."""
        global _holder  # noqa: PLW0603
        async with self._launching:
            if _holder is self:
                await self._outside(self._destroy)
                _holder = None

    async def enqueue(self, job_id: str, *, light: bool, priority: int) -> None:
        """Queue a job; lower priorities go first. What is queued already stays as it is."""
        await self.launch()
        await self._outside(self._enqueue, job_id, LIGHT if light else HEAVY, priority)

    async def rewind(self, job_id: str, *, light: bool) -> None:
        """Queue an ended job again, behind its last finished step."""
        await self.launch()
        await self._outside(self._rewind, job_id, LIGHT if light else HEAVY)

    async def unknown(self, job_ids: Collection[str]) -> tuple[set[str], set[str]]:
        """Of these jobs: those that DBOS has never seen, and those that ended there."""
        await self.launch()
        return await self._outside(self._unknown, list(job_ids))

    async def cancel(self, job_id: str) -> None:
        await self.launch()
        await self._outside(self._cancel, job_id)

    async def delete(self, job_ids: Collection[str]) -> None:
        """Forget jobs with their steps; what runs of them must have been cancelled."""
        await self.launch()
        await self._outside(self._delete, list(job_ids))

    async def _outside(self, function: Callable[..., T], *arguments: Any) -> T:
        # in a fresh context: inside a body DBOS would take the call for a step of the running workflow
        return await asyncio.to_thread(Context().run, function, *arguments)

    def _launch(self) -> None:
        from dbos import DBOS, DBOSPortableJSONSerializer

        _quieten()
        sqlite = self._address.get_backend_name() == "sqlite"
        url = URL.create("sqlite", database=str(self._folder / "jobs.db")) if sqlite else self._address
        # No WAL for the SQLite file (its default journal is a rollback journal): see hanlin.storage.database.
        self._dbos = DBOS(
            config={
                "name": "hanlin",
                "system_database_url": url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False),
                "dbos_system_schema": SCHEMA,
                "sys_db_pool_size": 5,
                "max_executor_threads": 8,
                "application_version": VERSION,
                "executor_id": _identity(self._folder),
                "serializer": DBOSPortableJSONSerializer(),
                "use_listen_notify": False,
                "notification_listener_polling_interval_sec": 0.1,  # nothing is ever sent; stopping waits for it
                "log_level": "ERROR",
            }
        )

        async def workflow(job_id: str) -> None:
            await self._work(job_id)

        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(workflow)
        DBOS.launch()
        for name, limit in self._limits.items():
            DBOS.register_queue(
                name,
                worker_concurrency=limit,
                polling_interval_sec=self._poll_seconds,
                on_conflict="always_update",
            )

    def _destroy(self) -> None:
        from dbos import DBOS

        for event in self._dbos.background_thread_stop_events if self._dbos else ():
            event.set()
        for thread in threading.enumerate():
            if thread.name.startswith("queue-worker-hanlin"):
                thread.join(STOP_SECONDS)  # else it may give a job to the loop that is about to end
        DBOS.destroy(destroy_registry=True)

    def _enqueue(self, job_id: str, queue: str, priority: int) -> None:
        from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

        with SetWorkflowID(job_id), SetEnqueueOptions(priority=priority):
            DBOS.enqueue_workflow(queue, self._workflow, job_id)

    @staticmethod
    def _rewind(job_id: str, queue: str) -> None:
        from dbos import DBOS

        steps = DBOS.list_workflow_steps(job_id)
        failed = [step["function_id"] for step in steps if step["error"] is not None]
        after = max((step["function_id"] for step in steps), default=0) + 1
        DBOS.rewind_workflow(job_id, start_step=min([*failed, after]), queue_name=queue)

    @staticmethod
    def _unknown(job_ids: list[str]) -> tuple[set[str], set[str]]:
        from dbos import DBOS

        found = DBOS.list_workflows(workflow_ids=job_ids, load_input=False, load_output=False)
        ended = {one.workflow_id for one in found if one.status not in ("PENDING", "ENQUEUED", "DELAYED")}
        return set(job_ids) - {one.workflow_id for one in found}, ended

    @staticmethod
    def _cancel(job_id: str) -> None:
        from dbos import DBOS

        DBOS.cancel_workflow(job_id)

    @staticmethod
    def _delete(job_ids: list[str]) -> None:
        from dbos import DBOS

        DBOS.delete_workflows(job_ids)

    async def _work(self, job_id: str) -> None:
        """The one workflow, on DBOS's loop: the body runs at home, its steps are kept here one by one."""
        turns: asyncio.Queue[Turn | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def ask(turn: Turn) -> None:
            loop.call_soon_threadsafe(turns.put_nowait, turn)

        async def body() -> None:
            await self._run(job_id, ask)

        # in a fresh context: what the body calls must not see the workflow's
        running = asyncio.wrap_future(Context().run(asyncio.run_coroutine_threadsafe, body(), self._home))
        running.add_done_callback(lambda _: turns.put_nowait(None))
        turn: Turn | None = None
        try:
            while (turn := await turns.get()) is not None:
                await keep(turn, _durably)
            await running
        finally:
            running.cancel()
            while turn is not None:
                turn.end()
                turn = None if turns.empty() else turns.get_nowait()


async def _durably(name: str, function: Callable[[], Awaitable[str]]) -> str:
    from dbos import DBOS, PortableWorkflowError

    async def step() -> str:
        return await function()

    try:
        value: str = await DBOS.run_step_async({"name": name}, step)
    except PortableWorkflowError:
        raise StepFailed from None  # it failed just before a crash, and the crash came before the job's end
    return value


def _identity(folder: Path) -> str:
    """Which of several servers on one database this is, the same after each start."""
    file = folder / "jobs.server"
    if not file.exists():
        file.write_text(new_id("srv"), encoding="ascii")
    return file.read_text(encoding="ascii").strip()


class _Complaints(logging.Handler):
    """Says that DBOS could not do something, and where; not its message, which quotes statements and values."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.filename != "_core.py":  # there it complains of cancelled workflows, which is no fault
            log.warning("DBOS failed at %s:%s (message withheld)", record.filename, record.lineno)


def _quieten() -> None:
    logger = logging.getLogger("dbos")
    logger.propagate = False
    if not any(isinstance(handler, _Complaints) for handler in logger.handlers):
        logger.addHandler(_Complaints())  # with a handler of ours, DBOS adds none to the console
