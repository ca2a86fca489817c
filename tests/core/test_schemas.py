"""Schemas: strict where they can be, as they are where not, an object at the root always."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter
from typing_extensions import TypedDict

from azure_inference_core._request.schemas import (
    is_recursive,
    json_schema_format,
    object_schema,
    schema_tool,
    strict_tool,
    unwrapped,
)
from tests.support.strict import faults


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """A level."""

    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    """A cat."""

    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    """A dog."""

    kind: Literal["dog"] = "dog"
    name: str = Field(min_length=1, max_length=20, pattern="^[A-Z]")


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Owner(BaseModel):
    """An owner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pet": {"kind": "cat", "lives": 9}}]})

    pet: Pet
    other: list[Pet] = []
    best: Cat = Field(description="The best one.")
    colour: Colour | None = None
    level: Level = Level.LOW
    size: int | str | None = None
    mixed: Literal["a", 1, None] = "a"  # noqa: PYI061 - pydantic writes one enum of it
    born: dt.date
    ids: set[int] = set()
    ratio: float = Field(default=0.5, gt=0, multiple_of=0.1, description="Of all.")


class Node(BaseModel):
    """A node."""

    name: str
    children: list[Node] = []


class Left(BaseModel):
    """One half of a pair that refers to each other."""

    right: Right | None = None


class Right(BaseModel):
    """The other half."""

    lefts: list[Left] = []


class Tree(BaseModel):
    """A tree."""

    root: Node
    note: str = "none"


class Nodes(RootModel[list[Node]]):
    """Nodes."""


class Either(RootModel[Cat | Dog]):
    """A cat or a dog."""


class Generic(BaseModel):
    """With words of JSON schema for names."""

    type: str
    properties: list[str]
    default: int = 3
    enum: Colour = Colour.RED
    items: list[Cat] = Field(default=[], alias="$ref")


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: int = 0


class Box(TypedDict):
    """A box."""

    corner: Point
    label: str


class Titles(BaseModel):
    """A property that is called as a word of schemas is."""

    title: str
    description: str | None = None


STRICT: dict[str, Any] = {
    "owner": Owner,
    "recursive": Node,
    "mutually recursive": Left,
    "recursive below": Tree,
    "array at the root": Nodes,
    "union at the root": Either,
    "number at the root": {"type": "integer", "minimum": 3},
    "enum at the root": {"enum": ["a", 1, None]},
    "words for names": Generic,
    "titles": Titles,
    "dataclass": Point,
    "typed dict": Box,
    "array of arrays": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
    "referring to the root": {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    },
    "array referring to the root": {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}},
    "one allOf": {
        "type": "object",
        "properties": {"a": {"allOf": [{"$ref": "#/definitions/A"}], "title": "A", "default": 1}},
        "definitions": {"A": {"type": "object", "properties": {"b": {"type": ["string", "null"]}}}},
    },
    "a name with a slash": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a~1b"}},
        "$defs": {"a/b": {"type": "string"}},
    },
    "no type": {
        "properties": {"a": {"const": "x"}, "b": {"items": {"type": "string"}}, "c": {"properties": {}}}
    },
    "nothing to say": {"type": "object", "properties": {}},
}


class Counts(BaseModel):
    """Counts by name."""

    by_name: dict[str, int]


class Open(BaseModel):
    """Takes anything beside."""

    model_config = ConfigDict(extra="allow")

    a: int


class Pair(BaseModel):
    """A pair."""

    both: tuple[int, str]


class Anything(BaseModel):
    """Of any type."""

    value: Any
    values: list[Any]


LOOSE: dict[str, Any] = {
    "free keys": Counts,
    "free keys of a recursive class": {
        "$ref": "#/$defs/N",
        "$defs": {"N": {"type": "object", "additionalProperties": {"$ref": "#/$defs/N"}}},
    },
    "open": Open,
    "a tuple": Pair,
    "any type": Anything,
    "a plain dict": {"type": "object", "properties": {"a": {"type": "object"}}},
    "patterns": {"type": "object", "properties": {}, "patternProperties": {"^a": {"type": "string"}}},
    "several allOf": {
        "type": "object",
        "properties": {"a": {"allOf": [{"type": "string"}, {"minLength": 2}]}},
    },
    "not": {"type": "object", "properties": {"a": {"type": "string", "not": {"const": "x"}}}},
    "true": {"type": "object", "properties": {"a": True}},
    "malformed": {"type": "object", "properties": {"a": {"type": "object", "properties": ["b"]}}},
    "allOf of anything": {"type": "object", "properties": {"a": {"allOf": [True]}}},
    "an array of nothing said": {"type": "object", "properties": {"a": {"type": "array"}}},
}


def schema_of(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else TypeAdapter(given).json_schema()


def both(schema: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The schema as a format and as a tool's parameters, each with what is said of it."""
    described = json_schema_format("a", schema, strict=True)["json_schema"]
    yield described["schema"], described["strict"]
    function = schema_tool("a", schema, "A.", strict=True)["function"]
    yield function["parameters"], function["strict"]
    given = {"type": "function", "function": {"name": "a", "parameters": schema}}
    function = strict_tool(given)["function"]
    yield function["parameters"], function["strict"]


@pytest.mark.parametrize("case", STRICT)
def test_a_strict_schema_is_one_that_strict_mode_takes(case: str) -> None:
    """As a format and as a tool alike, nothing is in it that is refused, and the caller's own is not touched."""
    schema = schema_of(STRICT[case])
    before = copy.deepcopy(schema)
    for sent, strict in both(schema):
        assert strict is True
        assert faults(sent) == []
    assert schema == before


@pytest.mark.parametrize("case", LOOSE)
def test_a_schema_that_cannot_be_strict_is_sent_unstrict(case: str) -> None:
    """It says what it said, is an object at the root, and its arrays say what is in them."""
    schema = schema_of(LOOSE[case])
    for sent, strict in both(schema):
        assert strict is False
        assert sent["type"] == "object"
        assert sent == object_schema(schema)


def test_only_what_is_needed_is_changed_without_strictness() -> None:
    """A schema of objects goes out as it came; a tuple gets ``items`` beside its own words."""
    for given in (Owner, Tree, Counts, Generic):
        assert object_schema(schema_of(given)) == schema_of(given)
    both_of = object_schema(schema_of(Pair))["properties"]["both"]
    assert both_of["items"] == {"anyOf": both_of["prefixItems"]}
    assert object_schema({"type": "array"})["properties"]["value"]["items"] == {}
    assert object_schema({}) == {"type": "object", "properties": {}}


def test_optional_stays_optional() -> None:
    """What may be null stays so, and nothing else becomes so; a default goes, and the model has to write a value."""
    sent = json_schema_format("a", schema_of(Owner), strict=True)["json_schema"]["schema"]["properties"]
    assert {"type": "null"} in sent["colour"]["anyOf"]
    assert sent["level"] == {"$ref": "#/$defs/Level"}
    assert sent["mixed"]["type"] == ["integer", "null", "string"]
    assert "null" not in str(sent["ratio"])


def test_a_rule_that_strict_mode_does_not_take_is_told_in_words() -> None:
    """The model still reads of it, and the class still checks it."""
    sent = json_schema_format("a", schema_of(Owner), strict=True)["json_schema"]["schema"]
    ratio = sent["properties"]["ratio"]
    assert ratio["description"].startswith("Of all. (")
    assert "exclusiveMinimum: 0" in ratio["description"]
    assert "multipleOf: 0.1" in ratio["description"]
    assert '"^[A-Z]"' in sent["$defs"]["Dog"]["properties"]["name"]["description"]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (Nodes, [{"name": "a", "children": []}]),
        (Either, {"kind": "cat", "lives": 9}),
        ({"type": "integer"}, 3),
        (Node, {"name": "a", "children": []}),
        (Counts, {"by_name": {"a": 1}}),
        ({"type": "object", "properties": {"value": {"type": "integer"}}}, {"value": 1}),
    ],
    ids=["array", "union", "number", "recursive", "object", "an object of the same key"],
)
def test_what_was_wrapped_is_unwrapped(given: Any, value: Any) -> None:
    """What was asked for comes out, whether the model wrote the object round it or not."""
    schema = schema_of(given)
    sent = object_schema(schema)
    wrapped = {"value": value} if "value" in sent["properties"] and value != {"value": 1} else value
    assert unwrapped(wrapped, schema) == unwrapped(value, schema) == value


@pytest.mark.parametrize(
    ("given", "recursive"),
    [
        (Node, True),
        (Left, True),
        (Tree, True),
        (Nodes, True),
        (Owner, False),
        (Pair, False),
        ({"$ref": "#"}, True),
    ],
)
def test_recursion_is_found(given: Any, recursive: bool) -> None:
    """Through one class or several, at the root or below."""
    assert is_recursive(schema_of(given)) is recursive
