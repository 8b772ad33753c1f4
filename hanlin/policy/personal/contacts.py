"""E-mail and IP addresses, and accounts that stand after their word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from hanlin.policy.personal.kinds import Finding, found

_LOCAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-"
_MOST_LOCAL = 64
"""RFC 5321, 4.5.3.1.1."""
_DOMAIN = re.compile("(?:[A-Za-z0-9-]{1,63}[.]){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
_USER = re.compile(r"://[^\s:/@?#]{0,64}:\Z")
"""What stands before the password in a URL, whose host makes it look like an e-mail address."""
_IPV4 = re.compile("[0-9](?<![0-9A-Za-z._-].)[0-9]{0,2}[.](?:[0-9]{1,3}[.]){2}[0-9]{1,3}(?![0-9A-Za-z_]|[.-][0-9])")
_IPV6 = re.compile(
    "[0-9A-Fa-f](?<![0-9A-Za-z:._].)[0-9A-Fa-f]{0,3}:{1,2}(?:[0-9A-Fa-f]{1,4}:{1,2}){2,6}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:_])"
)
_FEWEST_PARTS = 4
"""Of an IPv6 address; shorter ones look like names in C++."""
_ACCOUNT_WORD = "(?:微信|wechat|WeChat|Wechat|WECHAT|vx|VX|Vx|qq|QQ|Qq)"
_BETWEEN = r"(?:号码|账号|帐号|号| ?[Ii][Dd]| ?[Nn]umber)?[ \u3000]?(?:[:：是为=]|is)?[ \u3000]?"
_ACCOUNT_START = re.compile(_ACCOUNT_WORD)
_ACCOUNT = re.compile(rf"{_BETWEEN}([A-Za-z][-_A-Za-z0-9]{{5,19}}+|[1-9][0-9]{{4,11}}+)(?![-_A-Za-z0-9@])")

EMAIL_GROWS = (r"[A-Za-z0-9._%+-](?<![A-Za-z0-9._%+-].)[A-Za-z0-9._%+-]{0,63}+(?:@[A-Za-z0-9.-]{0,346}+)?\Z",)
IP_GROWS = (
    r"[0-9](?<![0-9A-Za-z._-].)[0-9]{0,2}+(?:[.][0-9]{0,3}+){0,3}[.-]?\Z",
    r"[0-9A-Fa-f](?<![0-9A-Za-z:._].)[0-9A-Fa-f]{0,3}(?::[0-9A-Fa-f:]{0,40}+)?\Z",
)
ACCOUNT_GROWS_AFTER = (rf"{_ACCOUNT_WORD}{_BETWEEN}[-_A-Za-z0-9]{{1,20}}+\Z",)
"""For what stands after a word, which may have left."""


def find_emails(text: str, start: int) -> Iterator[Finding]:
    """Addresses whose local part starts at `start` or later."""
    at = text.find("@", start)
    while at >= 0:
        before = text[max(0, at - _MOST_LOCAL - 1) : at]
        local = len(before) - len(before.rstrip(_LOCAL))
        first, domain = at - local, _DOMAIN.match(text, at + 1)
        if domain and 0 < local <= _MOST_LOCAL and first >= start and not _USER.search(text, max(0, first - 70), first):
            yield found(text, "email", (first, domain.end()), 0.9)
        at = text.find("@", at + 1)


def find_ip_addresses(text: str, start: int) -> Iterator[Finding]:
    for match in _IPV4.finditer(text, start):
        try:
            public = IPv4Address(match[0]).is_global
        except AddressValueError:
            continue
        yield found(text, "ip_address", match.span(), 0.7 if public and not _is_version(text, match.start()) else 0.3)
    for match in _IPV6.finditer(text, start) if text.count(":", start) >= _FEWEST_PARTS - 1 else ():
        if sum(map(bool, match[0].split(":"))) < _FEWEST_PARTS:
            continue
        try:
            public = IPv6Address(match[0]).is_global
        except AddressValueError:
            continue
        yield found(text, "ip_address", match.span(), 0.7 if public else 0.3)


def _is_version(text: str, start: int) -> bool:
    return (
        text[max(0, start - 10) : start].lower().rstrip(" :：=v").endswith(("version", "版本", "ver.", "ver", "版本号"))
    )


def find_accounts(text: str, start: int, before: int) -> Iterator[Finding]:
    """Values that start at `start` or later; their word may stand from `before` on."""
    for word in _ACCOUNT_START.finditer(text, before):
        match = _ACCOUNT.match(text, word.end())
        attached = text[max(0, word.start() - 1) : word.start()]
        if match and match.start(1) >= start and not (attached.isascii() and attached.isalpha()):
            yield Finding("account", *match.span(1), 0.7, "context")
