"""The tamper-evident record: what happened, provable to anyone, without the texts of people in it."""

from hanlin.audit.events import Event
from hanlin.audit.leaves import EventLeaf, IntentLeaf, Outcome, OutcomeLeaf
from hanlin.audit.log import Checked, Entry, Log, Page
from hanlin.audit.receipts import Disclosure, ProvenLeaf, Receipt, unknown_request

__all__ = [
    "Checked",
    "Disclosure",
    "Entry",
    "Event",
    "EventLeaf",
    "IntentLeaf",
    "Log",
    "Outcome",
    "OutcomeLeaf",
    "Page",
    "ProvenLeaf",
    "Receipt",
    "unknown_request",
]
