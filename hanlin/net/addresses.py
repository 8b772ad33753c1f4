"""Which addresses may be dialled: the fence against server-side request forgery (OWASP ASVS 5.0, V1.3.6).

A name is resolved once, every record must be public, and the very address that was checked is the one dialled. Hosts
the operator trusts (`upstream_hosts`, models of the settings file) may be private.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from msgspec import Struct

from hanlin.errors import BadRequest

# IANA's IPv4 special-purpose registry, with the retired 6to4 relays, multicast, class E and Azure's host agent.
REFUSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
    )
)

# Only global unicast is public. Mapped, NAT64 and ::a.b.c.d forms lie outside it, so they are refused whatever they
# hold; inside it, 6to4 and Teredo wrap an IPv4 address too, and two blocks are documentation (RFC 3849, RFC 9637).
PUBLIC_V6 = IPv6Network("2000::/3")
REFUSED_V6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s\x00-\x20/?#@\\:\[\]%]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")

Record = tuple[socket.AddressFamily, tuple[Any, ...]]
Lookup = Callable[[str, int], Awaitable[list[Record]]]


class Origin(Struct, frozen=True):
    """Where a URL leads, taken apart once and for all, so that no second parser can read it otherwise."""

    scheme: str
    host: str
    """Lower case, ASCII (IDNA), without a final dot; an IPv6 literal without brackets."""
    port: int
    path: str = ""
    """Without a final slash."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether an IP address lies on the public internet, by our own lists: `ipaddress.is_global` lets 6 forms pass."""
    if "%" in address:
        return False
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in block for block in REFUSED_V4)
    return parsed in PUBLIC_V6 and not any(parsed in block for block in REFUSED_V6)


def parse(url: str) -> Origin:
    """Take an http(s) URL apart. User names, queries, fragments, backslashes, blanks and odd host forms are refused.

    Raises BadRequest (code `invalid_url`), without the URL: what was pasted may hold a password.
    """
    match = URL.fullmatch(url)
    if match is None or len(url) > 2048:
        raise _invalid("is not a plain http or https URL")
    scheme, path = match["scheme"], (match["path"] or "").rstrip("/")
    port = int(match["port"]) if match["port"] else (443 if scheme == "https" else 80)
    if not 0 < port < 65536:
        raise _invalid(f"has port {port}, expected 1 to 65535")
    return Origin(scheme, _host(match["host"]), port, path)


def _host(text: str) -> str:
    if text.startswith("["):
        return str(_literal(IPv6Address, text[1:-1]))
    try:
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise _invalid("has a host name that IDNA cannot encode") from None
    labels = host.split(".")
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise _invalid("has a host that is not a name")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        return str(_literal(IPv4Address, host))
    return host


def _literal(kind: type[IPv4Address | IPv6Address], text: str) -> IPv4Address | IPv6Address:
    try:
        return kind(text)
    except ValueError:
        raise _invalid("has a host that looks like an address and is none") from None


def _invalid(what: str) -> BadRequest:
    return BadRequest(f"The address {what}.", action="Write it like https://host/v1.", code="invalid_url")


async def look_up(host: str, port: int) -> list[Record]:
    """Every stream address the system's resolver knows for a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


async def resolve(origin: Origin, *, trusted: bool, lookup: Lookup = look_up) -> list[Record]:
    """The addresses to dial, resolved once. Untrusted: https only, and one record that is not public refuses all.

    Raises BadRequest (code `address_refused`) or OSError when the name is unknown.
    """
    records = _records_of_literal(origin) or await lookup(origin.host, origin.port)
    if trusted:
        return records
    if origin.scheme != "https" or not all(is_public(str(address[0])) for _, address in records):
        raise BadRequest(
            f"{origin.scheme}://{origin.authority} is not a public https address.",
            action="If it is yours, name its host in the setting `upstream_hosts`.",
            code="address_refused",
        )
    return records


def _records_of_literal(origin: Origin) -> list[Record]:
    try:
        version = ip_address(origin.host).version
    except ValueError:
        return []
    if version == 4:
        return [(socket.AF_INET, (origin.host, origin.port))]
    return [(socket.AF_INET6, (origin.host, origin.port, 0, 0))]
