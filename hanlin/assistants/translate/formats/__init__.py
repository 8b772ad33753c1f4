"""Files in and out: `extract` gives a file's segments, `patch` writes it with translations, all else as it was.

Both parse files from outside: call them in the sandbox.
"""

from hanlin.assistants.translate.formats.found import Found
from hanlin.assistants.translate.formats.table import ANEW, KINDS, extract, kind_of, patch

__all__ = ["ANEW", "KINDS", "Found", "extract", "kind_of", "patch"]
