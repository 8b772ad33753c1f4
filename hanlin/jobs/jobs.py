"""The room's face: start, watch, cancel and retry jobs."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from pathlib import Path

from sqlalchemy import ColumnElement

from hanlin.errors import Conflict, HanlinError, NotAllowed, NotFound
from hanlin.jobs.durable import Ask, Durable
from hanlin.jobs.job import Body, Job, State
from hanlin.jobs.records import UNFINISHED, Begun, Records, own
from hanlin.jobs.running import ActorOf, Running, Watchers, scope
from hanlin.jobs.tables import jobs as table
from hanlin.storage import Database
from hanlin.types import Actor, new_id

STARTS = 5
"""A job that begins so often without any progress takes the server down with it: it ends."""
CHECK_SECONDS = 1.0
"""How often running jobs are checked for what another server cancelled; rights at every third."""
BATCH = 500
log = logging.getLogger("hanlin.jobs")


class Jobs:
    """Made once per server, by `open`."""

    def __init__(
        self, database: Database, durable: Callable[[Jobs], Durable], actor_of: ActorOf, clock: Callable[[], float]
    ) -> None:
        self._records = Records(database)
        self._actor_of = actor_of
        self._clock = clock
        self._bodies: dict[str, tuple[Body, bool]] = {}
        self._running: dict[str, Running] = {}
        self._watchers = Watchers()
        self._closing = False
        self._follower: asyncio.Task[None] | None = None
        self._durable = durable(self)

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        folder: Path,
        actor_of: ActorOf,
        heavy: int = 1,
        light: int = 2,
        clock: Callable[[], float] = time.time,
        poll_seconds: float = 0.5,
    ) -> Jobs:
        """`heavy` and `light`: how many jobs of each weight run at once on this server.

        DBOS keeps its tables in `folder`/jobs.db, or in a schema of its own where the database is PostgreSQL.
        `poll_seconds`: how long a job waits at most for a free place.
        """

        def durable(jobs: Jobs) -> Durable:
            return Durable(
                database.url,
                folder,
                jobs._run,
                heavy=heavy,
                light=light,
                poll_seconds=poll_seconds,
            )

        return cls(database, durable, actor_of, clock)

    def define(self, kind: str, body: Body, *, light: bool = False) -> None:
        """Say what jobs of a kind do; before `begin`, in the constructor of the assistant."""
        if kind in self._bodies:
            raise ValueError(f"jobs of the kind {kind!r} are defined twice")
        self._bodies[kind] = body, light

    async def begin(self) -> None:
        """After every kind was defined: take up what a crash or a stop left unfinished. Costs nothing without any."""
        before = ""
        while left := await self._records.all(UNFINISHED, table.c.id > before, limit=BATCH, oldest=True):
            unknown, ended = await self._durable.unknown([job.id for job in left])
            for job in left:  # where a crash came between the row and the queue
                if job.id in unknown:
                    await self._durable.enqueue(job.id, light=self._light(job.kind), priority=1)
                elif job.id in ended:
                    await self._durable.rewind(job.id, light=self._light(job.kind))
            before = left[-1].id

    async def start(
        self, actor: Actor, kind: str, subject: str, arguments: Mapping[str, str | int | bool] | None = None
    ) -> Job:
        """Queue a job of the actor's about `subject` (an id). It never has more rights than the actor's key."""
        job_id, now, light = new_id("job"), int(self._clock()), self._bodies[kind][1]
        empty = dict.fromkeys(("note", "code", "problem", "action"), "")
        zero = dict.fromkeys(("starts", "done", "total", "started_at", "ended_at"), 0)
        owner = {"person": actor.person, "workspace": actor.workspace, "scope": scope(actor)}
        about = {"kind": kind, "subject": subject, "arguments": dict(arguments or {}), "light": light}
        state = {"state": State.QUEUED.value, "created_at": now}
        await self._durable.launch()
        waiting = await self._records.add({"id": job_id, **owner, **about, **state, **empty, **zero})
        await self._durable.enqueue(job_id, light=light, priority=waiting + 1)
        return await self.job(actor, job_id)

    async def job(self, actor: Actor, job_id: str) -> Job:
        """One job of the actor's. NotFound for an unknown one and for somebody else's."""
        return self._seen(await self._records.find(actor, job_id))

    async def recent(self, actor: Actor, kind: str = "", *, limit: int = 100) -> list[Job]:
        """The actor's jobs in this workspace, newest first; those of `kind` if given."""
        kinds = (table.c.kind == kind,) if kind else ()
        return [self._seen(job) for job in await self._records.all(*own(actor), *kinds, limit=limit)]

    async def of(self, subject: str) -> Job | None:
        """The newest job about a subject. Asks for no right: who may see the subject may see how far it is."""
        found = await self._records.all(table.c.subject == subject, limit=1)
        return self._seen(found[0]) if found else None

    async def cancel(self, actor: Actor, job_id: str) -> Job:
        """End a job of the actor's: a queued one never starts, a running one stops within a second.

        Cancelling an ended one changes nothing.
        """
        job = await self._records.find(actor, job_id)
        await self._stop([job])
        return await self.job(actor, job_id)

    async def retry(self, actor: Actor, job_id: str) -> Job:
        """Go on with a failed or cancelled job at its last finished step. Conflict in any other state."""
        job = await self._records.find(actor, job_id)
        ended = job.state in (State.FAILED, State.CANCELLED)
        if ended and job.id in self._running:
            await asyncio.wait([self._running[job.id].task])
        if not ended or not await self._records.requeue(job.id):
            raise Conflict(
                f"Only a failed or cancelled job can go on; this one is {job.state.value}.",
                action="Start a new one.",
                code="job_state",
            )
        await self._durable.cancel(job.id)  # its outcome may not have been written down yet
        await self._durable.rewind(job.id, light=self._light(job.kind))
        self._watchers.tell(job.id)
        return await self.job(actor, job_id)

    async def watch(self, actor: Actor, job_id: str, *, interval_seconds: float = 0.1) -> AsyncGenerator[Job]:
        """The job now, again whenever it has changed, at most every `interval_seconds`; ends with its end."""
        last = None
        with self._watchers.listen(job_id) as changed:
            while True:
                changed.clear()
                job = await self.job(actor, job_id)
                if job != last:
                    yield job
                if job.state.final:
                    return
                last = job
                await asyncio.sleep(interval_seconds)
                try:
                    await asyncio.wait_for(changed.wait(), CHECK_SECONDS)
                except TimeoutError:
                    pass  # another server may run it: look again

    async def prune(self, before: int) -> int:
        """Delete jobs that ended before a time in Unix seconds; how many."""
        return await self._remove(~UNFINISHED, table.c.ended_at < before)

    async def erase(self, person: str, workspace: str = "") -> None:
        """End and delete all jobs of a person, in one workspace or everywhere."""
        await self._remove(table.c.person == person, *((table.c.workspace == workspace,) if workspace else ()))

    async def forget(self, subject: str) -> None:
        """End and delete all jobs about a subject that was erased; but not the job that asks for this itself."""
        await self._remove(table.c.subject == subject)

    async def close(self) -> None:
        """Stop what runs; it goes on after the next start."""
        self._closing = True
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])
        interrupted = list(self._running.values())
        await self._durable.close()
        for running in interrupted:
            running.task.cancel()
        if interrupted:
            await asyncio.wait([running.task for running in interrupted])
            await self._records.interrupt([running.job.id for running in interrupted])

    def _seen(self, job: Job) -> Job:
        running = self._running.get(job.id)
        return job if running is None or job.state.final else running.seen(job)

    def _light(self, kind: str) -> bool:
        return self._bodies[kind][1] if kind in self._bodies else True

    async def _stop(self, chosen: Iterable[Job]) -> None:
        """Cancel those of the jobs that have not ended, and wait until what runs here has stopped."""
        stopped = []
        for job in chosen:
            if not job.state.final and await self._records.end(job.id, State.CANCELLED, int(self._clock())):
                await self._durable.cancel(job.id)
                self._watchers.tell(job.id)
            running = self._running.get(job.id)
            if running is not None and running.task is not asyncio.current_task():
                running.task.cancel()
                stopped.append(running.task)
        if stopped:
            await asyncio.wait(stopped)

    async def _remove(self, *conditions: ColumnElement[bool]) -> int:
        removed = 0
        while True:
            chosen = await self._records.all(*conditions, limit=BATCH)
            mine = [job for job in chosen if not self._asks(job)]
            await self._stop(mine)
            if mine:
                await self._durable.delete([job.id for job in mine])
                await self._records.delete([job.id for job in mine])
            removed += len(mine)
            if len(chosen) < BATCH:
                return removed

    def _asks(self, job: Job) -> bool:
        running = self._running.get(job.id)
        return running is not None and running.task is asyncio.current_task()

    async def _run(self, job_id: str, ask: Ask) -> None:
        """What DBOS starts, as a task of the server's loop: the body, and what becomes of the job."""
        begun = await self._records.begin(job_id, int(self._clock()))
        if begun is None or self._closing:
            return
        running = Running(begun, ask, actor_of=self._actor_of, records=self._records, tell=self._watchers.tell)
        self._running[job_id] = running
        self._follow()
        self._watchers.tell(job_id)
        try:
            state, told = await self._outcome(begun, running)
            if state is not None and await running.save():
                await self._records.end(job_id, state, int(self._clock()), **told)
        finally:
            del self._running[job_id]
            self._watchers.tell(job_id)

    async def _outcome(self, begun: Begun, running: Running) -> tuple[State | None, dict[str, str]]:
        """Run the body; how the job ends, or None when somebody else has ended it."""
        try:
            await self._body(begun)(running)
        except HanlinError as error:
            return State.FAILED, _words(error)
        except asyncio.CancelledError:
            if self._closing:
                raise
            return (None, {}) if running.failure is None else (State.FAILED, _words(running.failure))
        except Exception as error:  # noqa: BLE001 - the job worker: whatever a body does, its job ends
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("Job %s: %s (message withheld)\n%s", begun.job.id, type(error).__name__, where)  # noqa: TRY400
            return State.FAILED, _words(HanlinError("Something failed here; it has been logged."))
        return State.DONE, {}

    def _body(self, begun: Begun) -> Body:
        if begun.starts > STARTS:
            raise HanlinError(
                f"The server stopped {STARTS} times while this job ran.",
                action="It may need more memory than there is; try again with less at once.",
                code="job_crashes",
            )
        if begun.job.kind not in self._bodies:
            raise NotFound("This server does not know jobs of this kind.", code="job_kind_unknown")
        return self._bodies[begun.job.kind][0]

    def _follow(self) -> None:
        if self._follower is None or self._follower.done():
            self._follower = asyncio.create_task(self._check())

    async def _check(self) -> None:
        """While jobs run here: stop those that were ended elsewhere, and those whose owner lost the right."""
        turn = 0
        while self._running:
            await asyncio.sleep(CHECK_SECONDS)
            turn += 1
            try:
                await self._check_once(rights=turn % 3 == 0)
            except HanlinError as error:
                log.warning("cannot check running jobs: %s", error.code)

    async def _check_once(self, *, rights: bool) -> None:
        running = dict(self._running)
        alive = {job.id for job in await self._records.all(UNFINISHED, table.c.id.in_(running), limit=len(running))}
        for job_id, one in running.items():
            if job_id not in alive:
                one.task.cancel()
            elif rights:
                try:
                    await one.actor()
                except NotAllowed as error:
                    one.failure = error
                    one.task.cancel()


def _words(error: HanlinError) -> dict[str, str]:
    return {"code": error.code, "problem": error.message, "action": error.action}
