"""Reads YAML as JSON's values, and remembers the line of each."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hedgerow.gitops.faults import Faults, FileFault, Place

Model = TypeVar("Model", bound=BaseModel)
_DEEPEST = 100
_WORDS = {"extra_forbidden": "there is no such field", "missing": "this field is required"}
_TAG = "tag:yaml.org,2002:"
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)\Z")
NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
TRUTH = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
RESOLVERS = (
    (f"{_TAG}null", NULL, ["~", "n", "N", ""]),
    (f"{_TAG}bool", TRUTH, list("tTfF")),
    (f"{_TAG}int", INTEGER, list("-0123456789")),
    (f"{_TAG}float", FLOAT, list("-0123456789")),
)
"""JSON's kinds of values, by tag, text and first characters: dates, `yes`, `0x1f` and `1:30` are texts."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's value, and the lines (from 1) at which its parts begin."""

    file: str
    text: str
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Of that part, or of the nearest around it that is there."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def fault(self, text: str, *place: str | int) -> FileFault:
        """An error that names the file, the line and the field."""
        return FileFault(self.file, text, line=self.line(place), place=place)


class _Loader(yaml.SafeLoader):
    """JSON's values only; neither anchors, which could unfold without end, nor the older version's many booleans."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (as the base class has it)
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise self._refusal("write the value again: *aliases are not read")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refusal("it is nested too deeply")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refusal(self, problem: str) -> yaml.MarkedYAMLError:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


for _tag, _pattern, _first in RESOLVERS:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)


def read_file(path: Path) -> Document:
    """A file's document; raises `FileFault`."""
    try:
        return read(path.read_bytes().decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FileFault(str(path), f"cannot be read: {reason}") from None


def read(text: str, file: str) -> Document:
    """The document that a text holds; raises `FileFault`. An empty text is null."""
    try:
        node = _Loader(text).get_single_node()
        found = Document(file, text, None)
        value = _value(found, node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise FileFault(file, error.problem or error.context or "it is no YAML", line=line) from None
    except yaml.YAMLError as error:
        raise FileFault(file, str(error).partition("\n")[0]) from None
    return Document(file, text, value, found.lines)


def shaped(document: Document, model: type[Model]) -> Model:
    """The document as a model; raises `Faults` with each field that does not fit."""
    if not isinstance(document.value, dict):
        raise document.fault("it holds no mapping of fields")
    with telling(document):
        return model.model_validate(document.value)


@contextmanager
def telling(document: Document, *root: str | int) -> Iterator[None]:
    """Raises what pydantic finds wrong below `root` as `Faults` with their lines."""
    try:
        yield
    except ValidationError as error:
        faults = [_fault(document, (*root, *each["loc"]), each) for each in error.errors()]
        faults.sort(key=lambda fault: fault.line or 0)
        raise Faults(faults) from None


def _fault(document: Document, location: Place, found: Mapping[str, Any]) -> FileFault:
    """At the part of the file that is meant: what a location says beyond it are pydantic's own alternatives."""
    value: Any = document.value
    place = 0
    part: Any
    for part in location:
        if not isinstance(value, dict | list):
            break
        place += 1
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            break
    text = _WORDS.get(found["type"]) or found["msg"].removeprefix("Value error, ")
    return document.fault(text, *location[:place])


def _value(document: Document, node: yaml.Node, place: Place) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, child, (*place, number)) for number, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, place)
    return _scalar(document, node, place)


def _mapping(document: Document, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, child in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_TAG}str":
            raise FileFault(document.file, "a key must be a text: put it into quotes", line=line, place=place)
        name = str(key.value)
        if name in found:
            raise FileFault(document.file, "it is there twice", line=line, place=(*place, name))
        document.lines[(*place, name)] = line
        found[name] = _value(document, child, (*place, name))
    return found


def _scalar(document: Document, node: yaml.Node, place: Place) -> Any:
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    if kind in {"str", "!"}:
        return text
    if kind == "null" and NULL.match(text):
        return None
    if kind == "bool" and TRUTH.match(text):
        return text.lower() == "true"
    if kind in {"int", "float"} and (INTEGER.match(text) or FLOAT.match(text)):
        return _number(document, text, place)
    raise document.fault(f"a value of kind {kind[:60]} has no place here: texts, numbers, true, false and null", *place)


def _number(document: Document, text: str, place: Place) -> int | float:
    try:
        number = int(text) if INTEGER.match(text) else float(text)
    except ValueError:
        raise document.fault("the number is too large", *place) from None
    if not math.isfinite(number):
        raise document.fault("the number is too large", *place)
    return number
