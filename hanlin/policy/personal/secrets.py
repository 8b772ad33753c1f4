"""Secrets: keys of known makes, private keys, passwords in URLs and after words such as `password`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hanlin.policy.personal.kinds import Finding

_MOST = 8192
"""Characters of one secret; an RSA key of 8,192 bits has 6,400."""
_MAKES = {
    "sk-": 20,  # OpenAI, DeepSeek, Anthropic and others
    "sk_live_": 16,  # Stripe
    "rk_live_": 16,
    "ghp_": 30,  # GitHub
    "gho_": 30,
    "ghs_": 30,
    "github_pat_": 22,
    "glpat-": 20,  # GitLab
    "xoxb-": 20,  # Slack
    "xoxp-": 20,
    "AKIA": 16,  # Amazon
    "ASIA": 16,
    "AIza": 35,  # Google
    "LTAI": 12,  # Alibaba Cloud
    "AKID": 13,  # Tencent Cloud
    "hf_": 30,  # Hugging Face
    "npm_": 30,
    "pypi-AgEI": 50,
    "hl_": 50,  # Hanlin
    "eyJ": 30,  # JSON web token, its dots included
}
"""How keys of a make begin -> how many characters follow at least."""
_FIRST = "".join(sorted({make[0] for make in _MAKES}))
_TOKEN = "|".join(rf"(?<={make[0]}){make[1:]}(?=[A-Za-z0-9_.-]{{{fewest}}})" for make, fewest in _MAKES.items())
_KEY_START = re.compile(rf"[{_FIRST}](?<![A-Za-z0-9_-].)(?:{_TOKEN})")
_KEY = re.compile(rf"[A-Za-z0-9_-]{{0,{_MOST}}}+(?:[.][A-Za-z0-9_-]{{10,{_MOST}}}+){{0,2}}")
_PEM_START = re.compile("-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = rf"(?:[A-Za-z0-9+/=\r\n]|\\[rn]){{0,{_MOST}}}+"
_PEM = re.compile(_PEM_START.pattern + _PEM_BODY + "(?:-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?")
_URL_START = re.compile("://")
_URL = re.compile(r"[^\s:/@?#]{0,64}:([!-\"$-.0->A-~]{1,128})@")
_WORD = (
    "(?:Password|Passwd|password|passwd|PASSWORD|Secret|secret|SECRET|API_KEY|API-KEY|API_key|api_key|api-key|ApiKey|apiKey|APIKEY|apikey|"
    "API Key|API key|Token|token|TOKEN|密码|口令)"
)
_ASSIGNED = r"[\"']?[ ]{0,2}(?:[:=：]|是|is ){1,2}[ ]{0,2}[\"'“]?"
_ASSIGNMENT = re.compile(rf"{_ASSIGNED}([!-&(-+\--:<-~]{{6,128}}+)")
_WORD_START = re.compile(_WORD)
_PLACEHOLDER = re.compile(
    r"[<${\[*]|x{3}|your|example|changeme|placeholder|none|null|\.\.\.|os\.|env|self\.|input|get", re.IGNORECASE
)
_FEWEST_SIGNS = 4
"""Different characters of a password; less is an example or a row of stars."""


def _beginnings(word: str) -> str:
    """A pattern for every beginning of the word."""
    pattern = ""
    for character in reversed(word):
        pattern = f"{re.escape(character)}(?:{pattern})?" if pattern else re.escape(character)
    return pattern


_WORDS = "|".join(f"(?<={make[0]})(?:{make[1:]}[A-Za-z0-9_.-]*+|(?:{_beginnings(make[1:])})?)" for make in _MAKES)
_DASHES = r"-{0,4}(?:B(?:E(?:G(?:I(?:N(?: [A-Z0-9 ]{0,64}-{0,4})?)?)?)?)?)?"
_PEM_END = r"(?:\\|-{1,5}(?:E(?:N(?:D[A-Z0-9 ]{0,64}-{0,4})?)?)?)?"
GROWS = (
    rf"[{_FIRST}-](?:(?<![A-Za-z0-9_-].)(?:{_WORDS})|(?<=-)(?:{_PEM_START.pattern[1:]}{_PEM_BODY}{_PEM_END}|{_DASHES}))\Z",
)
"""An end of a text in which a secret may still be growing."""
GROWS_AFTER = (
    r"://[^\s:/@?#]{0,64}:[!-\"$-.0->A-~]{0,128}\Z",
    rf"{_WORD}[\"']?[ ]{{0,2}}(?:[:=：]|是|is ){{1,2}}[ ]{{0,2}}[\"'“]?[!-&(-+\--:<-~]{{0,128}}+\Z",
)
"""The same for what stands after a word, which may have left."""


def find_secrets(text: str, start: int, before: int) -> Iterator[Finding]:
    """Secrets that start at `start` or later; their word or URL may stand from `before` on."""
    for make in _KEY_START.finditer(text, start):
        if key := _KEY.match(text, make.start()):
            yield Finding("secret", *key.span(), 0.95, "prefix")
    if "-----BEGIN" in text:
        for match in _PEM.finditer(text, start):
            yield Finding("secret", *match.span(), 0.95, "pem")
    for slashes in _URL_START.finditer(text, before):
        url = _URL.match(text, slashes.end())
        if url and url.start(1) >= start:
            yield Finding("secret", *url.span(1), 0.9, "url")
    for word in _WORD_START.finditer(text, before):
        value = _ASSIGNMENT.match(text, word.end())
        if value and value.start(1) >= start and _is_password(value[1]):
            yield Finding("secret", *value.span(1), 0.7, "context")


def _is_password(value: str) -> bool:
    return (
        not _PLACEHOLDER.match(value) and len(set(value)) >= _FEWEST_SIGNS and not (value.isalpha() and value.islower())
    )
