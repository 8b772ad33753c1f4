"""hanlin config: every setting, its value, where it came from, what it means."""

from __future__ import annotations

import argparse
import json
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from hanlin.settings import SECRETS, Settings, load


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("config", help="show every setting, its value and where it came from")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    settings, origin = load()
    shown = {name: _shown(name, getattr(settings, name)) for name in Settings.__struct_fields__}
    if args.json:
        print(json.dumps({name: {"value": shown[name], "from": origin[name]} for name in shown}, ensure_ascii=False))
        return 0
    for name, text in help_texts().items():
        print(f"{name} = {json.dumps(shown[name], ensure_ascii=False)}   # from {origin[name]}\n    {text}")
    return 0


def help_texts() -> dict[str, str]:
    """Each setting's help sentence, from its type."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: _description(hints[name]) for name in Settings.__struct_fields__}


def _description(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        for meta in get_args(hint)[1:]:
            if isinstance(meta, msgspec.Meta) and meta.description:
                return meta.description
    return ""


def _shown(name: str, value: Any) -> Any:
    if name in SECRETS:
        return "(set)" if value else "(made at first start)"
    return msgspec.to_builtins(value)
