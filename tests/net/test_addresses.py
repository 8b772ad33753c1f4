"""Which addresses may be dialled: the 32-address matrix, the parser's strictness, resolution once and pinned."""

from __future__ import annotations

import socket

import pytest

from hanlin.errors import BadRequest
from hanlin.net.addresses import Lookup, Origin, Record, is_public, parse, resolve

MATRIX = [
    *("127.0.0.1", "localhost", "localhost.", "127.1", "2130706433", "0x7f000001", "017700000001", "0.0.0.0"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "10.0.0.1"),
    *("172.16.0.1", "192.168.0.1", "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "user@127.0.0.1", "example.com@127.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127。0。0。1"),
]


def answering(*addresses: str) -> tuple[list[str], Lookup]:
    """A resolver that knows one answer, and the list of names it was asked for."""
    asked: list[str] = []

    async def lookup(host: str, port: int) -> list[Record]:
        asked.append(host)
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, (address, port)) for address in addresses]

    return asked, lookup


@pytest.mark.parametrize("target", MATRIX)
async def test_every_form_of_a_private_address_is_refused(target: str) -> None:
    """Whether the parser, the name or the address gives it away, an untrusted URL never gets as far as a socket."""
    with pytest.raises(BadRequest) as refusal:
        await resolve(parse(f"https://{target}/v1"), trusted=False)
    assert refusal.value.code in {"invalid_url", "address_refused"}


def test_the_matrix_holds_32_targets() -> None:
    assert len(set(MATRIX)) == 32


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "223.5.5.5", "2400:3200::1", "2606:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("168.63.129.16", "100.100.100.200", "192.88.99.1", "203.0.113.9", "::ffff:8.8.8.8", "64:ff9b::808:808"),
        *("2001::1", "2001:db8::1", "2002:808:808::", "3fff::1", "fc00::1", "ff02::1", "2400:3200::1%1"),
    ],
)
def test_special_purpose_addresses_are_not_public_even_when_they_wrap_a_public_one(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com/v1/", Origin("https", "api.example.com", 443, "/v1")),
        ("http://Example.COM:8080", Origin("http", "example.com", 8080)),
        ("https://模型.example./v2", Origin("https", "xn--xgs754b.example", 443, "/v2")),
        ("http://[2400:3200:0::1]:81/a", Origin("http", "2400:3200::1", 81, "/a")),
        ("https://8.8.8.8", Origin("https", "8.8.8.8", 443)),
    ],
)
def test_a_url_is_taken_apart_into_one_canonical_form(url: str, origin: Origin) -> None:
    assert parse(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "ftp://example.com", "file:///etc/passwd", "https://", "https:///v1", "HTTPS:example.com"),
        *(
            "https://a:b@example.com",
            "https://example.com\\@evil.com",
            "https://example.com/a\\b",
            "https://exa mple.com",
        ),
        *(
            "https://example.com/\r\nhost: x",
            "https://example.com/a b",
            "\thttps://example.com",
            "https://example.com\n",
        ),
        *("https://example.com:0", "https://example.com:65536", "https://example.com:", "https://example.com:8o"),
        *("https://example.com?x=1", "https://example.com/#a", "https://-a.example", "https://a..b", "https://a%2eb"),
        *("https://1.2.3", "https://1.2.3.4.5", "https://0x1.com.0x7f", "https://[::1", "https://[fe80::1%25eth0]"),
        *("https://" + "a" * 64 + ".com", "https://" + "a." * 127 + "com", "https://example.com/" + "a" * 2048),
    ],
)
def test_anything_but_a_plain_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(url)
    assert refusal.value.code == "invalid_url"
    assert "evil" not in str(refusal.value)
    assert "a:b" not in str(refusal.value)


async def test_one_private_record_among_public_ones_refuses_the_name() -> None:
    _, lookup = answering("8.8.8.8", "2400:3200::1", "10.0.0.1")
    with pytest.raises(BadRequest, match="not a public https address"):
        await resolve(parse("https://mixed.example"), trusted=False, lookup=lookup)


async def test_a_public_name_resolves_to_the_addresses_that_were_checked() -> None:
    asked, lookup = answering("8.8.8.8", "2400:3200::1")
    records = await resolve(parse("https://fine.example"), trusted=False, lookup=lookup)
    assert [address[0] for _, address in records] == ["8.8.8.8", "2400:3200::1"]
    assert asked == ["fine.example"]


async def test_an_untrusted_host_is_not_called_without_tls() -> None:
    _, lookup = answering("8.8.8.8")
    with pytest.raises(BadRequest) as refusal:
        await resolve(parse("http://fine.example"), trusted=False, lookup=lookup)
    assert refusal.value.code == "address_refused"


async def test_a_trusted_host_may_be_private_and_plain() -> None:
    _, lookup = answering("10.0.0.1")
    records = await resolve(parse("http://inside.example:8000"), trusted=True, lookup=lookup)
    assert records == [(socket.AF_INET, ("10.0.0.1", 8000))]
