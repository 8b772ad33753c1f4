"""Translation: texts, and files whose layout stays; glossaries, a memory, and a flag on what is doubtful."""

from hanlin.assistants.translate.glossaries import Glossaries
from hanlin.assistants.translate.languages import LANGUAGES, Detected, Language, detect
from hanlin.assistants.translate.memory import Memory
from hanlin.assistants.translate.records import (
    Filter,
    Flag,
    Glossary,
    GlossaryForm,
    Order,
    Origin,
    Remembered,
    Segment,
    Suggestion,
    Term,
    Translated,
    Translation,
)
from hanlin.assistants.translate.translations import Translations

__all__ = [
    "LANGUAGES",
    "Detected",
    "Filter",
    "Flag",
    "Glossaries",
    "Glossary",
    "GlossaryForm",
    "Language",
    "Memory",
    "Order",
    "Origin",
    "Remembered",
    "Segment",
    "Suggestion",
    "Term",
    "Translated",
    "Translation",
    "Translations",
    "detect",
]
