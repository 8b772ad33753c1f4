"""Saved tasks: what an assistant does again by itself, and what came of it."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.assistants.tasks import Change, Run, Task
from hanlin.types import Permission

GENERATE = allow(Permission.GENERATE)
Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class TaskRecord(Struct, frozen=True):
    """A task of yours."""

    id: str
    said: Change
    code: str
    """Why the server switched it off; empty when it did not."""
    next_at: int
    """When it runs next, in Unix seconds; 0: never."""
    created_at: int


class Secret(Struct, frozen=True):
    secret: str
    """Of Standard Webhooks 1.0: the receiver checks `webhook-signature` with it."""


@get("/tasks", opt=GENERATE)
async def list_tasks(rooms: House, actor: Caller) -> list[TaskRecord]:
    """Your tasks in this workspace, newest first."""
    return [_task(task) for task in await rooms.tasks.mine(actor)]


@post("/tasks", opt=GENERATE)
async def save_task(rooms: House, actor: Caller, data: JSONBody[Change]) -> TaskRecord:
    """Save a task; it runs with the rights that you have whenever it is due."""
    return _task(await rooms.tasks.save(actor, data))


@get("/tasks/{task:str}", opt=GENERATE)
async def show_task(rooms: House, actor: Caller, task: FromPath[str]) -> TaskRecord:
    """One task of yours."""
    return _task(await rooms.tasks.task(actor, task))


@put("/tasks/{task:str}", opt=GENERATE)
async def change_task(rooms: House, actor: Caller, task: FromPath[str], data: JSONBody[Change]) -> TaskRecord:
    """Put other words in its place; `enabled: false` lets it rest."""
    return _task(await rooms.tasks.change(actor, task, data))


@delete("/tasks/{task:str}", opt=GENERATE)
async def remove_task(rooms: House, actor: Caller, task: FromPath[str]) -> None:
    """Delete it with all that came of it."""
    await rooms.tasks.remove(actor, task)


@get("/tasks/{task:str}/runs", opt=GENERATE)
async def list_runs(rooms: House, actor: Caller, task: FromPath[str], limit: Limit = 50) -> list[Run]:
    """What came of it, newest first."""
    return await rooms.tasks.runs(actor, task, limit=limit)


@post("/tasks/{task:str}/runs", opt=GENERATE, status_code=202)
async def run_task(rooms: House, actor: Caller, task: FromPath[str]) -> Run:
    """Run it now, beside its schedule; `job` tells how far it is."""
    return await rooms.tasks.run(actor, task)


@get("/tasks/{task:str}/runs/{run:str}", opt=GENERATE)
async def show_run(rooms: House, actor: Caller, task: FromPath[str], run: FromPath[str]) -> Run:
    """What came of it at one due time."""
    return await rooms.tasks.result(actor, task, run)


@get("/tasks/{task:str}/secret", opt=GENERATE)
async def show_secret(rooms: House, actor: Caller, task: FromPath[str]) -> Secret:
    """The secret of its web hook."""
    return Secret(await rooms.tasks.secret(actor, task))


def _task(task: Task) -> TaskRecord:
    return TaskRecord(task.id, task.said, task.code, task.next_at, task.created_at)


HANDLERS = [list_tasks, save_task, show_task, change_task, remove_task, list_runs, run_task, show_run, show_secret]
router = Router(path="/", tags=["tasks"], route_handlers=HANDLERS)
