from hanlin.policy.personal.cover import mask
from hanlin.policy.personal.find import find
from hanlin.policy.personal.kinds import Finding
from hanlin.policy.personal.pseudonyms import Pseudonyms, Restorer
from hanlin.policy.personal.rule import PersonalData

__all__ = ["Finding", "PersonalData", "Pseudonyms", "Restorer", "find", "mask"]
