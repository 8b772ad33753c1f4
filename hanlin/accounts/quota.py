"""How much may be asked for: requests and tokens a minute, tokens a day, answers at once. In memory, no waiting.

Tokens are reserved before an answer starts and settled when it ends. Rates are token buckets on a monotonic clock:
over any time since the start no more is let through than one full bucket plus what flowed in. Days are UTC dates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from hanlin.errors import TooMany
from hanlin.types import Actor

UNLIMITED = 10**15
"""Stands for "no limit" in the arithmetic: more than anybody uses, exact in a float."""
DAY_SECONDS = 86_400
BUDGETS = 20_000
"""Budgets kept; beyond it those that are full again are dropped."""


class Limits(Struct, frozen=True):
    """What is set on a key or a workspace; None leaves the server's default."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None


class Window(Struct, frozen=True):
    """One of OpenAI's x-ratelimit triples; `reset_seconds` until all of `limit` is there again."""

    limit: int
    remaining: int
    reset_seconds: float


class Standing(Struct, frozen=True):
    """Where an actor stands now, requests and tokens per minute."""

    requests: Window
    tokens: Window


class Budget:
    """What one key, session or workspace has left."""

    __slots__ = ("day", "limits", "requests", "rpm", "spent", "tokens", "tpd", "tpm", "updated")

    def __init__(self, limits: Limits, defaults: Limits, now: float) -> None:
        self.updated = now
        self.day = -1
        self.spent = 0
        self.set_limits(limits, defaults)
        self.requests = float(self.rpm)
        self.tokens = float(self.tpm)

    def set_limits(self, limits: Limits, defaults: Limits) -> None:
        """Put other limits on it; what was used stays used."""
        self.limits = limits
        self.rpm = limits.requests_per_minute or defaults.requests_per_minute or UNLIMITED
        self.tpm = limits.tokens_per_minute or defaults.tokens_per_minute or UNLIMITED
        self.tpd = limits.tokens_per_day or defaults.tokens_per_day or UNLIMITED

    def refresh(self, now: float, day: int) -> None:
        """Let in what the time since the last call brought."""
        minutes = (now - self.updated) / 60
        self.updated = now
        requests = self.requests + minutes * self.rpm
        self.requests = requests if requests < self.rpm else float(self.rpm)
        tokens = self.tokens + minutes * self.tpm
        self.tokens = tokens if tokens < self.tpm else float(self.tpm)
        if day != self.day:
            self.day = day
            self.spent = 0


class Reservation:
    """Held while an answer runs; give it back with `settle`."""

    __slots__ = ("day", "own", "settled", "shared", "tokens")

    def __init__(self, own: Budget, shared: Budget, tokens: int, day: int) -> None:
        self.own = own
        self.shared = shared
        self.tokens = tokens
        self.day = day
        self.settled = False


class Quota:
    """Made once per server. `limits` is the table that Accounts fills: id of key or workspace to its own limits."""

    def __init__(
        self,
        limits: Mapping[str, Limits],
        *,
        requests_per_minute: int = 600,
        tokens_per_minute: int = 2_000_000,
        tokens_per_day: int = 50_000_000,
        concurrent_generations: int = 2048,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._own = Limits(requests_per_minute=requests_per_minute)
        self._shared = Limits(tokens_per_minute=tokens_per_minute, tokens_per_day=tokens_per_day)
        self._concurrent = concurrent_generations
        self._monotonic = monotonic
        self._clock = clock
        self._budgets: dict[str, Budget] = {}
        self.running = 0
        """Answers running now."""

    def reserve(self, actor: Actor, tokens: int) -> Reservation:
        """Take one request and `tokens` (prompt and largest answer) from key or session and from the workspace.

        All or nothing. Raises TooMany: code `rate_limit_exceeded`, or `insufficient_quota` when the day's are gone.
        """
        now = self._monotonic()
        day = int(self._clock() // DAY_SECONDS)
        own = self._budget(actor.key or actor.session, self._own, now, day)
        shared = self._budget(actor.workspace, self._shared, now, day)
        if self.running >= self._concurrent:
            raise _too_many(f"This server makes {self._concurrent} answers at once", 1.0)
        if own.requests < 1 or own.tokens < tokens or shared.tokens < tokens:
            raise _over_rate(own, shared, tokens)
        if own.spent + tokens > own.tpd or shared.spent + tokens > shared.tpd:
            raise self._over_day(own, shared, tokens)
        own.requests -= 1
        own.tokens -= tokens
        own.spent += tokens
        shared.tokens -= tokens
        shared.spent += tokens
        self.running += 1
        return Reservation(own, shared, tokens, day)

    def settle(self, reservation: Reservation, tokens_used: int) -> None:
        """Give back what was not used (or take what was used beyond). Settling twice does nothing."""
        if reservation.settled:
            return
        reservation.settled = True
        self.running -= 1
        unused = reservation.tokens - tokens_used
        for budget in (reservation.own, reservation.shared):
            budget.tokens += unused
            if budget.day == reservation.day:
                budget.spent -= unused

    def limits(self, actor: Actor) -> Standing:
        """Where the actor stands; of key and workspace the one with fewer tokens left."""
        now = self._monotonic()
        day = int(self._clock() // DAY_SECONDS)
        own = self._budget(actor.key or actor.session, self._own, now, day)
        shared = self._budget(actor.workspace, self._shared, now, day)
        tight = own if own.tokens < shared.tokens else shared
        return Standing(_window(own.rpm, own.requests), _window(tight.tpm, tight.tokens))

    def seed(self, identifier: str, tokens: int) -> None:
        """Count tokens that a key or workspace used today before this server started."""
        day = int(self._clock() // DAY_SECONDS)
        defaults = self._shared if identifier.startswith("ws_") else self._own
        self._budget(identifier, defaults, self._monotonic(), day).spent += tokens

    def _budget(self, identifier: str, defaults: Limits, now: float, day: int) -> Budget:
        limits = self._limits.get(identifier, _NO_LIMITS)
        budget = self._budgets.get(identifier)
        if budget is None:
            if len(self._budgets) >= BUDGETS:
                self._drop_full(now, day)
            budget = self._budgets[identifier] = Budget(limits, defaults, now)
        elif budget.limits is not limits:
            budget.set_limits(limits, defaults)
        budget.refresh(now, day)
        return budget

    def _drop_full(self, now: float, day: int) -> None:
        for identifier, budget in list(self._budgets.items()):
            budget.refresh(now, day)
            full = budget.requests == budget.rpm and budget.tokens == budget.tpm
            if full and (budget.spent == 0 or budget.tpd == UNLIMITED):
                del self._budgets[identifier]

    def _over_day(self, own: Budget, shared: Budget, tokens: int) -> TooMany:
        whose, budget = ("this key", own) if own.spent + tokens > own.tpd else ("the workspace", shared)
        return TooMany(
            f"Of the {budget.tpd} tokens a day of {whose}, {max(0, budget.tpd - budget.spent)} are left; "
            f"this request may need {tokens}.",
            retry_after_seconds=DAY_SECONDS - self._clock() % DAY_SECONDS,
            code="insufficient_quota",
            action="Ask for a smaller max_tokens, wait for the next day (UTC), or ask an owner for a higher limit.",
        )


_NO_LIMITS = Limits()


def _over_rate(own: Budget, shared: Budget, tokens: int) -> TooMany:
    if own.requests < 1:
        return _too_many(f"The limit is {own.rpm} requests a minute", (1 - own.requests) * 60 / own.rpm)
    whose, budget = ("this key", own) if own.tokens < tokens else ("the workspace", shared)
    if tokens > budget.tpm:
        return _too_many(
            f"This request may need {tokens} tokens, more than the {budget.tpm} a minute of {whose}",
            60.0,
            action="Ask for a smaller max_tokens or send less text.",
        )
    wait_seconds = (tokens - budget.tokens) * 60 / budget.tpm
    return _too_many(f"The limit of {whose} is {budget.tpm} tokens a minute", wait_seconds)


def _too_many(what: str, retry_after_seconds: float, action: str = "Wait, then try again.") -> TooMany:
    return TooMany(f"{what}.", retry_after_seconds=retry_after_seconds, action=action)


def _window(limit: int, left: float) -> Window:
    return Window(limit, max(0, int(left)), max(0.0, (limit - left) * 60 / limit))
