"""Marks on generated content: put on, read back, judged (GB 45438-2025 and what serves the same end elsewhere)."""

from hanlin.labels.content import Print, text_prints
from hanlin.labels.embed import label_file, read_labels, write_label
from hanlin.labels.found import Fault, Found
from hanlin.labels.imprint import Imprint, SourceType
from hanlin.labels.inspect import Inspection, Trust, inspect_file
from hanlin.labels.labeller import Labeller, Marker
from hanlin.labels.provider_code import check_social_credit_code, provider_code
from hanlin.labels.seal import Order, Sealed, numbered, seal_file
from hanlin.labels.signature.authority import Authority
from hanlin.labels.signature.manifest import Credential
from hanlin.labels.signature.security_data import SecurityCheck
from hanlin.labels.verdict import Evidence, Finding, judge, prompt, propagated
from hanlin.labels.wire import HEADER, header, read, wrap
from hanlin.labels.wording import visible

__all__ = [
    "HEADER",
    "Authority",
    "Credential",
    "Evidence",
    "Fault",
    "Finding",
    "Found",
    "Imprint",
    "Inspection",
    "Labeller",
    "Marker",
    "Order",
    "Print",
    "Sealed",
    "SecurityCheck",
    "SourceType",
    "Trust",
    "check_social_credit_code",
    "header",
    "inspect_file",
    "judge",
    "label_file",
    "numbered",
    "prompt",
    "propagated",
    "provider_code",
    "read",
    "read_labels",
    "seal_file",
    "text_prints",
    "visible",
    "wrap",
    "write_label",
]
