"""What the pages need of the house, as one frozen bundle that `app` fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hanlin.accounts import Accounts, UsageCounters
from hanlin.assistants.chat import Conversations
from hanlin.assistants.documents import Documents
from hanlin.assistants.meetings import Meetings
from hanlin.assistants.tasks import Tasks
from hanlin.assistants.translate import Translations
from hanlin.audit import Log
from hanlin.files import Files
from hanlin.jobs import Jobs
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
    conversations: Conversations
    documents: Documents
    meetings: Meetings
    translations: Translations
    tasks: Tasks
    files: Files
    jobs: Jobs
    seals: Seals
    policies: Policies
    versions: Versions
    desk: Desk
    incidents: Incidents
    ladder: Ladder
    examine: Callable[[Actor, str], Awaitable[Certificate]]
    """Puts a model through its entrance examination; takes seconds to minutes."""
    operator: str
    language: str
    """`zh` or `en`, for people who have not chosen and whose browser names neither."""
    url: str
    """The address people type, without a slash at its end."""

    @property
    def secure(self) -> bool:
        return self.url.startswith("https://")

    @property
    def cookie(self) -> str:
        """Name of the session's cookie. `__Host-` binds it to this host over TLS (RFC 6265bis, 4.1.3.2)."""
        return "__Host-hanlin" if self.secure else "hanlin"
