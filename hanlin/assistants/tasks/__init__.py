"""Saved tasks: what an assistant does again by itself, at its owner's times and with its owner's rights."""

from hanlin.assistants.tasks.schedule import Schedule
from hanlin.assistants.tasks.task import Change, Delivery, Digest, Part, Run, Section, Source, Task
from hanlin.assistants.tasks.tasks import Tasks

__all__ = ["Change", "Delivery", "Digest", "Part", "Run", "Schedule", "Section", "Source", "Task", "Tasks"]
