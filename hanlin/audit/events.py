"""What can stand in the record: `subject:action`, one enum."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """The `event` field of a leaf. The two `generation:` events are written by `intend` and `conclude` alone."""

    GENERATION_INTENT = "generation:intent"
    GENERATION_OUTCOME = "generation:outcome"
    AUTH_SIGNED_IN = "auth:signed_in"
    AUTH_SIGNED_OUT = "auth:signed_out"
    AUTH_FAILED = "auth:failed"
    KEY_CREATED = "key:created"
    KEY_REVOKED = "key:revoked"
    PERSON_ADDED = "person:added"
    PERSON_CHANGED = "person:changed"
    PERSON_REMOVED = "person:removed"
    WORKSPACE_CREATED = "workspace:created"
    WORKSPACE_CHANGED = "workspace:changed"
    MODEL_REGISTERED = "model:registered"
    MODEL_SUSPENDED = "model:suspended"
    MODEL_REMOVED = "model:removed"
    MODEL_CERTIFIED = "model:certified"
    MODEL_RESUMED = "model:resumed"
    SERVICE_CHANGED = "service:changed"
    SERVICE_REMOVED = "service:removed"
    POLICY_CHANGED = "policy:changed"
    LABEL_WRITTEN = "label:written"
    LABEL_PROPAGATED = "label:propagated"
    LABEL_AGREED = "label:agreed"
    LABEL_WITHDRAWN = "label:withdrawn"
    LABEL_UNLABELLED = "label:unlabelled"
    ERASURE_DONE = "erasure:done"
    HOLD_PLACED = "hold:placed"
    HOLD_LIFTED = "hold:lifted"
    RECORD_DISCLOSED = "record:disclosed"
    RECORD_PRUNED = "record:pruned"
    CHECKPOINT_GAP = "checkpoint:gap"
    CLOCK_STEP = "clock:step"
    SERVER_STARTED = "server:started"
    SERVER_STOPPED = "server:stopped"
