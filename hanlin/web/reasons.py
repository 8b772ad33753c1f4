"""What a rule is about, in words for the person who reads."""

from __future__ import annotations

from hanlin.errors import NotFound
from hanlin.policy import Policies, Policy
from hanlin.policy.risks import RISKS


def risk_name(category: str, language: str) -> str:
    """The risk's name in a language; "" for no risk."""
    risk = RISKS.get(category)
    return "" if risk is None else risk.zh if language == "zh" else risk.en


def rule_reason(policy: Policy | None, rule: str) -> str:
    """The public words of a rule; "" for one that the policy does not have."""
    if policy is None:
        return ""
    file = policy.file
    reasons: dict[str, str] = {}
    for rules in (file.rules, file.personal, file.classifiers, file.guards):
        reasons |= {one.name: one.reason for one in rules}
    return reasons.get(rule, "")


def find_policy(policies: Policies, reference: str) -> Policy | None:
    """The policy that `name@version` names, at the version that serves now; None when it is gone."""
    try:
        return policies.get(reference.partition("@")[0])
    except NotFound:
        return None
