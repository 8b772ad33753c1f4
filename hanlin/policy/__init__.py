from hanlin.policy.admission import Admission
from hanlin.policy.file import PolicyFile
from hanlin.policy.judging import Hit, Rule, Watcher
from hanlin.policy.policies import Policies
from hanlin.policy.policy import Judgement, Policy, language_of
from hanlin.policy.texts import whole_text
from hanlin.policy.versions import Versions

__all__ = [
    "Admission",
    "Hit",
    "Judgement",
    "Policies",
    "Policy",
    "PolicyFile",
    "Rule",
    "Versions",
    "Watcher",
    "language_of",
    "whole_text",
]
