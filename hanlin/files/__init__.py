"""Files that people bring: sniffed, kept, handed on to whoever reads them, erased."""

from hanlin.files.file import File, Part, Upload
from hanlin.files.files import Files

__all__ = ["File", "Files", "Part", "Upload"]
