"""The two OpenAPI versions a document is written in, where they differ: what may be null, and rows as tuples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
_KINDS: Mapping[str, Schema] = {
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "decimal": {"type": "number"},
    "string": {"type": "string"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "boolean": {"type": "boolean"},
    "array": {"type": "array", "items": {}},
    "json": {},
    "unknown": {},
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """An OpenAPI version. Only 3.1 has tuples: in 3.0 a row is a list of whatever its columns hold."""

    version: str
    tuples: bool

    def nullable(self, schema: Schema) -> Schema:
        """The schema, or null."""
        if "type" not in schema:
            return schema
        return {**schema, "type": [schema["type"], "null"]} if self.tuples else {**schema, "nullable": True}

    def value(self, kind: str) -> Schema:
        """A value of a column, by its API type; any may be null."""
        return self.nullable(dict(_KINDS.get(kind, {})))

    def row(self, columns: Sequence[Mapping[str, str]]) -> Schema:
        """A row as a list, in the order of its columns."""
        told = ", ".join(f"{column['name']} ({column['type']})" for column in columns)
        size = {"minItems": len(columns), "maxItems": len(columns)}
        base: Schema = {"type": "array", "description": f"The values of {told}.", **size}
        if self.tuples:
            return {**base, "prefixItems": [self.value(column["type"]) for column in columns]}
        return {**base, "items": self._any([column["type"] for column in columns])}

    def object(self, columns: Sequence[Mapping[str, str]]) -> Schema:
        """A row as an object, by the names of its columns."""
        properties = {column["name"]: self.value(column["type"]) for column in columns}
        return {"type": "object", "properties": properties, "required": list(properties)}

    def _any(self, kinds: Sequence[str]) -> Schema:
        """Any of the types. Texts lose their format beside other texts: nobody could tell them apart."""
        if len(set(kinds)) == 1:
            return self.value(kinds[0])
        names = {_KINDS.get(kind, {}).get("type") for kind in kinds}
        if None in names:
            return {}
        if "number" in names:
            names.discard("integer")
        members = [{"type": name, **({"items": {}} if name == "array" else {})} for name in sorted(map(str, names))]
        return self.nullable(members[0]) if len(members) == 1 else {"anyOf": [self.nullable(each) for each in members]}


OPENAPI_30 = Dialect("3.0.3", tuples=False)
OPENAPI_31 = Dialect("3.1.0", tuples=True)
DIALECTS: Mapping[str, Dialect] = {"3.0": OPENAPI_30, "3.1": OPENAPI_31}
