"""How far a job is, in the reader's language, for every page that waits for one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace

from hanlin.jobs import Job, State
from hanlin.web.respond import explain
from hanlin.web.visit import Visit, local_path

_PART = re.compile(r"[a-z][a-z0-9_-]{0,60}")


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job as job.html shows it."""

    id: str
    state: str
    word: str
    """What goes on, in the reader's language."""
    count: str
    """`3 of 12`; "" where it is not known."""
    done: int
    total: int
    """0: nobody knows how much it is, and the bar only moves."""
    problem: str
    then: str
    """Address of the page that shows what it made; its element `part` takes the place of the one on this page."""
    part: str


def card(visit: Visit, job: Job, *, then: str = "", part: str = "desk") -> JobCard:
    """`then`: where its result is seen (this page unless given); `part`: id of the element to fetch from there."""
    return JobCard(
        id=job.id,
        state=job.state.value,
        word=_word(visit.words.jobs, job),
        count=visit.words.jobs.count.format(done=job.done, total=job.total) if job.total > 1 else "",
        done=job.done,
        total=job.total,
        problem=explain(visit.words, job.code, job.problem, job.action) if job.state is State.FAILED else "",
        then=local_path(then or visit.request.url.path),
        part=part if _PART.fullmatch(part) else "desk",
    )


def _word(words: SimpleNamespace, job: Job) -> str:
    if job.state is State.RUNNING:
        said: str = getattr(words.note, job.note, words.running)
        return said
    state: str = getattr(words, job.state.value)
    return state
