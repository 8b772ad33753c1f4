"""Who acts: people, workspaces, API keys, browser sessions; what they may do, and how much of it."""

from hanlin.accounts.accounts import Accounts
from hanlin.accounts.invitations import FirstRun
from hanlin.accounts.keys import Key, KeyRequest, NewKey
from hanlin.accounts.passwords import Passwords
from hanlin.accounts.people import Invitation, Person
from hanlin.accounts.permissions import ROLE_PERMISSIONS, granted, require
from hanlin.accounts.quota import Limits, Quota, Reservation, Standing, Window
from hanlin.accounts.sessions import Session, SignedIn, csrf_matches, csrf_token
from hanlin.accounts.throttle import Throttle, network
from hanlin.accounts.usage import Line, UsageCounters, Used
from hanlin.accounts.workspaces import Workspace

__all__ = [
    "ROLE_PERMISSIONS",
    "Accounts",
    "FirstRun",
    "Invitation",
    "Key",
    "KeyRequest",
    "Limits",
    "Line",
    "NewKey",
    "Passwords",
    "Person",
    "Quota",
    "Reservation",
    "Session",
    "SignedIn",
    "Standing",
    "Throttle",
    "UsageCounters",
    "Used",
    "Window",
    "Workspace",
    "csrf_matches",
    "csrf_token",
    "granted",
    "network",
    "require",
]
