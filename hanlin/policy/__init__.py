from hanlin.policy.judging import Hit, Rule, Watcher
from hanlin.policy.policy import Policies, Policy, language_of

__all__ = ["Hit", "Policies", "Policy", "Rule", "Watcher", "language_of"]
