"""What is written into a file: the implicit label, and what the other standards want to know beside it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from hanlin.types import Label


class SourceType(StrEnum):
    """How the content came to be: IPTC's digital source types, as Content Credentials and XMP name them."""

    GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """A real picture or recording, changed by a model."""
    COMPOSED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
    """Put together from parts of which some are generated."""


class Imprint(Struct, frozen=True):
    """One file's label and its origin; every writer of a format takes it whole."""

    label: Label
    source: SourceType | None = SourceType.GENERATED
    """None for what somebody else made and we only pass on."""
    system: str = ""
    """Name of the model or service (IPTC `AISystemUsed`, C2PA `softwareAgent`)."""
    version: str = ""

    @property
    def origin(self) -> SourceType | None:
        """What may be said of the source: a label 2 or 3 is no statement of the maker, and says nothing of it."""
        return self.source if self.label.label == "1" else None
