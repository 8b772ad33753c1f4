"""Long work that goes on by itself: kept through crashes, fair between people, watched, cancelled, tried again."""

from hanlin.jobs.job import Arguments, Body, Job, State, Work
from hanlin.jobs.jobs import Jobs
from hanlin.jobs.running import confined, scope

__all__ = ["Arguments", "Body", "Job", "Jobs", "State", "Work", "confined", "scope"]
