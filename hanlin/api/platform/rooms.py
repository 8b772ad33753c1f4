"""What the resources need of the house."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hanlin.accounts import Accounts, UsageCounters
from hanlin.assistants.documents import Documents
from hanlin.assistants.meetings import Meetings
from hanlin.assistants.tasks import Tasks
from hanlin.assistants.translate import Translations
from hanlin.audit import Log
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.labels.unlabelled import Agreements
from hanlin.policy import Policies, Versions
from hanlin.registry import Certificate, Registry
from hanlin.review import Desk, Incidents, Ladder
from hanlin.service import Seals
from hanlin.types import Actor


@dataclass(frozen=True, slots=True)
class Rooms:
    accounts: Accounts
    usage: UsageCounters
    registry: Registry
    log: Log
    examine: Callable[[Actor, str], Awaitable[Certificate]]
    """Puts a model through its entrance examination; takes seconds to minutes."""
    seals: Seals
    agreements: Agreements
    policies: Policies
    versions: Versions
    desk: Desk
    incidents: Incidents
    ladder: Ladder
    files: Files
    jobs: Jobs
    documents: Documents
    meetings: Meetings
    translations: Translations
    tasks: Tasks
    url: str
