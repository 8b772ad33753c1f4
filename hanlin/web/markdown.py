"""What a model wrote, as HTML that cannot act: Markdown without HTML, then cleaned by a strict allow-list.

No image is ever shown, because fetching one tells its server what was said; it becomes a link to follow or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

TAGS = frozenset(
    "a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul".split()  # noqa: SIM905 - shorter to read than 24 quotes
)
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "span": {"class"}, "code": {"class"}, "td": {"align"}, "th": {"align"}}
CLASS = re.compile(r"^(language-[A-Za-z0-9_+#.-]{1,30}|[a-z][a-z0-9]{0,2})$")
LINK = re.compile(r"^(https?://|mailto:)", re.IGNORECASE)
HIGHLIGHT_CHARACTERS = 40_000
"""Longer code stays plain: colouring it would take longer than reading its first screen."""

_TAG = re.compile(r"(<[^>]*>)")
_NAME = re.compile(r"</?(\w+)")
_MARK = re.compile(r"\[(\d{1,3})\]")
_CLOSED = ("a", "code", "pre")
"""Within these a number in brackets is no mark."""
_formatter = HtmlFormatter(nowrap=True)


def render(text: str, sources: Mapping[int, str] = {}) -> Markup:
    """Safe HTML of Markdown `text`; links open elsewhere and carry no referrer.

    `sources`: addresses of our own pages by number; each `[2]` in the text becomes a link to its address.
    """
    cleaned = _clean(_markdown.render(text))
    return Markup(_with_sources(cleaned, sources) if sources else cleaned)  # noqa: S704 - cleaned on the line above


def _with_sources(html: str, sources: Mapping[int, str]) -> str:
    closed, parts = 0, []
    for part in _TAG.split(html):
        named = _NAME.match(part)
        if named and named[1] in _CLOSED:
            closed += -1 if part.startswith("</") else 1
        marked = not closed and not part.startswith("<")
        parts.append(_MARK.sub(lambda mark: _source(mark, sources), part) if marked else part)
    return "".join(parts)


def _source(mark: re.Match[str], sources: Mapping[int, str]) -> str:
    address = sources.get(int(mark[1]))
    return mark[0] if address is None else f'<a class="cite" href="{escape(address)}">{mark[1]}</a>'


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={"*": set(), **{tag: set(names) for tag, names in ATTRIBUTES.items()}},
        attribute_filter=_filter,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _filter(_tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class":
        return value if CLASS.match(value) else None
    if attribute == "href":
        return value if LINK.match(value) else None
    return value


def _colour(code: str, language: str, _attributes: str) -> str:
    if not language or len(code) > HIGHLIGHT_CHARACTERS:
        return ""
    try:
        lexer = get_lexer_by_name(language[:40])
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, _formatter))


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    token = tokens[place]
    words = renderer.renderInlineAsText(token.children or [], options, environment)
    address = str(token.attrs.get("src", ""))
    link = [Token("link_open", "a", 1, attrs={"href": address}), Token("text", "", 0), Token("link_close", "a", -1)]
    link[1].content = words or address
    return renderer.render(link, options, environment)


def _cell(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """Alignment as an attribute: a style would be dropped, and the page's CSP forbids it anyway."""
    style = tokens[place].attrs.pop("style", "")
    if style:
        tokens[place].attrs["align"] = str(style).rpartition(":")[2]
    return renderer.renderToken(tokens, place, options, environment)


_markdown = MarkdownIt("commonmark", {"html": False, "highlight": _colour}).enable(["table", "strikethrough"])
_markdown.add_render_rule("image", _image)
_markdown.add_render_rule("td_open", _cell)
_markdown.add_render_rule("th_open", _cell)
