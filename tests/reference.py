"""What the code says, as the tables of docs/reference are to say it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from hanlin import errors
from hanlin.api import platform
from hanlin.api.openai.routes import MethodNotAllowed
from hanlin.api.platform.routes import CODES
from hanlin.cli.config import help_texts
from hanlin.errors import HanlinError
from hanlin.settings import Settings

ROOT = Path(__file__).parent.parent


def settings_table() -> list[str]:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    defaults = msgspec.to_builtins(Settings())
    for name, text in help_texts().items():
        rows.append(f"| `{name}` | `{json.dumps(defaults[name])}` | {text} |")
    return rows


def api_table(application: Litestar) -> list[str]:
    """Every handler of ours under /api."""
    rows = ["| method and path | permission | what it does |", "|---|---|---|"]
    found = []
    for route in application.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.fn.__module__.startswith(platform.__name__):
                path = route.path.replace(":str", "")
                method = next(iter(handler.http_methods))
                found.append((path, method, f"| `{method} {path}` | {_permission(handler)} | {_purpose(handler)} |"))
    return rows + [row for _, _, row in sorted(found)]


def _permission(handler: HTTPRouteHandler) -> str:
    permission = handler.opt["permission"]
    return f"`{permission.value}`" if permission else "any key"


def _purpose(handler: HTTPRouteHandler) -> str:
    words = handler.handler_name.replace("_", " ").capitalize() + "."
    return (handler.fn.__doc__ or words).strip().partition("\n")[0]


def error_codes() -> dict[str, set[int]]:
    """Every `error.code` that the code can give, with its HTTP statuses."""
    classes = {
        name: found
        for name, found in (*vars(errors).items(), ("MethodNotAllowed", MethodNotAllowed))
        if isinstance(found, type) and issubclass(found, HanlinError)
    }
    codes: dict[str, set[int]] = {code: {status} for status, code in CODES.items()}
    for kind in classes.values():
        codes.setdefault(kind.default_code, set()).add(kind.status)
    for call in _calls():
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        for keyword in call.keywords:
            if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and name in classes:
                codes.setdefault(str(keyword.value.value), set()).add(classes[name].status)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "drop_calls":  # an EngineFailed for each call
            codes.setdefault(ast.literal_eval(call.args[0]), set()).add(classes["EngineFailed"].status)
    for code in ("missing_required_parameter", "unknown_parameter"):  # chosen by what the decoder says
        codes[code] = {400}
    return codes


def _calls() -> Iterator[ast.Call]:
    for file in sorted((ROOT / "hanlin").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def first_column(page: str) -> dict[str, str]:
    """Rows of a page's tables by the word in backticks that begins them."""
    found: dict[str, str] = {}
    for line in (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            found[line.split("`")[1]] = line
    return found


def application() -> Litestar:
    rooms: Any = None  # no handler is called
    return Litestar(route_handlers=[platform.routes(rooms)], openapi_config=None)
