from hanlin.policy.guards.guard import Ask, Guard

__all__ = ["Ask", "Guard"]
