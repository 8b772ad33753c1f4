"""No address leaves that does not stand in the documents, and none as a link or a picture."""

from __future__ import annotations

import pytest

from hanlin.assistants.documents.links import without_foreign_links

SOURCE = "See https://shop.example/terms for the terms, or write to mailto:help@shop.example."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("![x](https://evil.example/p?d=1)", "x"),
        ("[verify](https://evil.example/login)", "verify"),
        ("<https://evil.example/a>", "[…]"),
        ("<img src='https://evil.example/x'>", ""),
        ("https://evil.example", "[…]"),
        ("//evil.example/x and www.evil.example", "[…] and […]"),
        ("[open](javascript:alert(1))", "open)"),
        ("[1]: https://evil.example/c", ""),
        ("https://shop.example/terms?d=secret", "[…]"),
        ("https://shop.example/", "[…]"),
        ("plain\U000e0041\u200b text", "plain text"),
    ],
)
def test_a_foreign_address_goes(text: str, left: str) -> None:
    assert without_foreign_links(text, SOURCE) == left


def test_an_address_of_the_document_stays_as_text() -> None:
    assert (
        without_foreign_links("[Terms](https://shop.example/terms).", SOURCE) == "Terms (https://shop.example/terms)."
    )
    assert without_foreign_links("<https://shop.example/terms>", SOURCE) == "https://shop.example/terms"


def test_text_without_addresses_is_as_it_was() -> None:
    text = "a < b, 5 // 2, x[1] (2) and 3:4\n- [ ] item"
    assert without_foreign_links(text, "") == text
