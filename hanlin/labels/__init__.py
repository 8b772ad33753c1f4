from hanlin.labels.labeller import Labeller, Marker
from hanlin.labels.provider_code import check_social_credit_code, provider_code
from hanlin.labels.wire import HEADER, header, read, wrap
from hanlin.labels.wording import visible

__all__ = [
    "HEADER",
    "Labeller",
    "Marker",
    "check_social_credit_code",
    "header",
    "provider_code",
    "read",
    "visible",
    "wrap",
]
