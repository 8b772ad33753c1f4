"""Schemas that steer generation."""

from typing import Any

import pytest

from hanlin.engines.schema import MAX_DEPTH, MAX_NODES, call_schema, check_schema, example
from hanlin.errors import BadRequest
from hanlin.types import Function, Tool


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_depth_and_size_have_bounds() -> None:
    check_schema(nested(MAX_DEPTH - 2), "p")
    check_schema({"enum": list(range(MAX_NODES - 2))}, "p")
    for wrong in (nested(MAX_DEPTH), {"enum": list(range(MAX_NODES))}):
        with pytest.raises(BadRequest, match="levels deep or") as caught:
            check_schema(wrong, "p")
        assert caught.value.param == "p"


def test_strict_refuses_what_cannot_be_held_to_and_loose_lets_it_pass() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    check_schema(schema, "p")
    with pytest.raises(BadRequest, match="'uniqueItems'"):
        check_schema(schema, "p", strict=True)


def test_a_property_may_be_named_like_a_keyword() -> None:
    check_schema({"properties": {"not": {"type": "string"}, "if": {"properties": {"else": {}}}}}, "p", strict=True)


def test_one_of_several_tools_is_an_alternative_for_each_and_references_follow_their_schema() -> None:
    parameters = {"$defs": {"city": {"type": "string"}}, "properties": {"city": {"$ref": "#/$defs/city"}}}
    tools = (Tool(Function("a")), Tool(Function("b", parameters=parameters)))
    first, second = call_schema(tools)["anyOf"]
    assert first["properties"] == {"name": {"const": "a"}, "arguments": {"type": "object"}}
    assert second["properties"]["arguments"]["properties"]["city"] == {
        "$ref": "#/anyOf/1/properties/arguments/$defs/city"
    }
    assert second["required"] == ["name", "arguments"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": None}, None),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"$defs": {"n": {"type": "number", "minimum": 5}}, "$ref": "#/$defs/n"}, 5),
        ({"type": ["string", "null"], "minLength": 6}, "echooo"),
        ({"type": "string", "maxLength": 2}, "ec"),
    ],
)
def test_an_example_satisfies_everyday_schemas(schema: dict[str, Any], value: Any) -> None:
    assert example(schema) == value


def test_a_schema_that_refers_to_itself_has_an_example_too() -> None:
    assert example({"$defs": {"n": {"$ref": "#/$defs/n"}}, "$ref": "#/$defs/n"}) is None
