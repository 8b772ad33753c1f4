"""What people decide: cases, incidents, sanctions."""

from hanlin.review.cases import Case, NewCase, Vote, digest
from hanlin.review.desk import Desk
from hanlin.review.incidents import Incident, Incidents, StepTaken
from hanlin.review.ladder import Ladder
from hanlin.review.sanctions import Attempt, Sanction
from hanlin.review.statistics import RuleCount, Statistics

__all__ = [
    "Attempt",
    "Case",
    "Desk",
    "Incident",
    "Incidents",
    "Ladder",
    "NewCase",
    "RuleCount",
    "Sanction",
    "Statistics",
    "StepTaken",
    "Vote",
    "digest",
]
