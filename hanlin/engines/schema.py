"""JSON schemas that steer generation: bounds on what people send, and the schema of a demanded tool call."""

from __future__ import annotations

from typing import Any

from hanlin.errors import BadRequest
from hanlin.types import ChatRequest, NamedTool, Tool

MAX_DEPTH = 64
MAX_NODES = 5000
UNHELD = frozenset(
    {"not", "if", "then", "else", "contains", "uniqueItems", "propertyNames", "patternProperties"}
    | {"dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"}
)
"""Keywords a grammar cannot hold; with `strict` they are refused rather than ignored."""
NAMES_BELOW = frozenset({"properties", "$defs", "definitions"})
"""Under these the keys are people's names, not keywords."""


def check_schema(schema: Any, param: str, *, strict: bool = False) -> None:
    """Raise BadRequest (param `param`) for a schema too deep, too large, or strict beyond what can be held to."""
    waiting: list[tuple[Any, int, bool]] = [(schema, 1, True)]
    nodes = 0
    while waiting:
        node, depth, is_schema = waiting.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise BadRequest(
                f"The schema is over {MAX_DEPTH} levels deep or {MAX_NODES} values large.",
                action="Send a smaller schema.",
                param=param,
            )
        if isinstance(node, dict):
            if strict and is_schema and (unheld := UNHELD & node.keys()):
                raise BadRequest(
                    f"The schema uses {min(unheld)!r}, which strict output cannot be held to.",
                    action="Leave the keyword out or set strict to false.",
                    param=param,
                )
            waiting.extend((value, depth + 1, not (is_schema and key in NAMES_BELOW)) for key, value in node.items())
        elif isinstance(node, list):
            waiting.extend((value, depth + 1, is_schema) for value in node)


def demanded(chat: ChatRequest) -> tuple[Tool, ...]:
    """The tools one of which `tool_choice` demands; none when the choice is free.

    Raises BadRequest when the demanded one is not there.
    """
    choice, tools = chat.tool_choice, tuple(chat.tools or ())
    if isinstance(choice, NamedTool):
        tools = tuple(tool for tool in tools if tool.function.name == choice.function.name)
    elif choice != "required":
        return ()
    if not tools:
        raise BadRequest("tool_choice demands a tool that is not in tools.", param="tool_choice")
    return tools


def call_schema(tools: tuple[Tool, ...]) -> dict[str, Any]:
    """The schema of `{name, arguments}` for a call of one of `tools`."""
    if len(tools) == 1:
        return _one_call(tools[0], "#")
    return {"anyOf": [_one_call(tool, f"#/anyOf/{position}") for position, tool in enumerate(tools)]}


def _one_call(tool: Tool, place: str) -> dict[str, Any]:
    parameters = tool.function.parameters or {"type": "object"}
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool.function.name},
            "arguments": _moved(parameters, f"{place}/properties/arguments"),
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _moved(schema: Any, place: str) -> Any:
    """`schema` with its own references (`#/…`) pointing to where it now stands."""
    if isinstance(schema, list):
        return [_moved(item, place) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: place + value[1:]
        if key == "$ref" and isinstance(value, str) and value.startswith("#/")
        else _moved(value, place)
        for key, value in schema.items()
    }


def example(schema: dict[str, Any], root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """A simple value of the everyday kinds of schema: required properties, first of an enum or alternative."""
    root = root or schema
    if depth > MAX_DEPTH:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0], root, depth + 1)
    if "$ref" in schema:
        return example(_referred(root, schema["$ref"]), root, depth + 1)
    return _example_of_type(schema, root, depth)


def _example_of_type(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        return [example(schema.get("items", {}), root, depth + 1) for _ in range(schema.get("minItems", 0))]
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return "echo".ljust(schema.get("minLength", 0), "o")[: schema.get("maxLength")]


def _referred(root: dict[str, Any], reference: str) -> dict[str, Any]:
    node: Any = root
    for key in reference.removeprefix("#/").split("/"):
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return node if isinstance(node, dict) else {}
