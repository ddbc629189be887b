"""What a run takes, as schemas: its options, and its variables with their types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow.endpoints.contract.dialects import Dialect, Schema
from hedgerow.endpoints.records import LATEST, Endpoint
from hedgerow.endpoints.run.formats.choosing import FORMATS
from hedgerow.endpoints.run.memory import Definition
from hedgerow.endpoints.run.querying import RESERVED

_TYPES: Mapping[str, Schema] = {
    "String": {"type": "string"},
    "Number": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "List": {"type": "array", "items": {"type": "string"}},
    "Date": {"type": "string", "format": "date"},
}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,128}$"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run of the definition takes. `pinned`: whether the document is of one version alone."""

    definition: Definition
    dialect: Dialect
    pinned: bool

    @property
    def required(self) -> list[str]:
        """The variables that need a value: those without one of their own; of a materialized version, all."""
        kept = self.definition.endpoint.version.materialization
        if kept is not None and kept.tables is not None:
            return list(self.definition.values)
        return [name for name, value in self.definition.values.items() if value is None]

    def variables(self) -> Schema:
        """The component `Variables`."""
        schema: Schema = {
            "type": "object",
            "properties": {name: self._variable(name) for name in self.definition.values},
            "additionalProperties": False,
        }
        return {**schema, "required": self.required} if self.required else schema

    def body(self) -> Schema:
        """The component `EndpointRunRequest`."""
        properties: Schema = {name: {**schema, "description": text} for name, schema, text in self._options()}
        if self.definition.values:
            properties = {"variables": {"$ref": "#/components/schemas/Variables"}, **properties}
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": ["variables"]} if self.required else schema

    def format_parameter(self) -> Schema:
        """`format`, of both methods."""
        text = "The answer's format, in place of the `Accept` header."
        return _parameter("format", {"type": "string", "enum": list(FORMATS)}, text)

    def parameters(self) -> list[Schema]:
        """The query string of a GET: each variable by its name, then the options."""
        own = []
        for name in self.definition.values:
            key = f"variables[{name}]" if name in RESERVED else name
            given = _parameter(key, self._variable(name), f"The variable `{name}`.", required=name in self.required)
            own.append(given | ({"style": "form", "explode": True} if given["schema"].get("type") == "array" else {}))
        return [*own, *(_parameter(*option) for option in self._options()), self.format_parameter()]

    def _variable(self, name: str) -> Schema:
        schema: Schema = dict(_TYPES.get(self.definition.types[name].name, {}))
        value = self.definition.values[name]
        return {**schema, "example": value} if value is not None else schema

    def _options(self) -> Sequence[tuple[str, Schema, str]]:
        refresh = {"type": "string", "enum": ["cache", "force", "direct"], "default": "cache"}
        return (
            (
                "refresh",
                refresh,
                "`cache`: a kept result while it is fresh; `force`: a new one; `direct`: past tables.",
            ),
            ("version", self._version(), "A version's number, or an alias."),
            ("limit", {"type": "integer", "minimum": 1}, "Rows a page."),
            ("offset", {"type": "integer", "minimum": 0}, "Rows to skip; needs `limit`."),
            ("debug", {"type": "boolean", "default": False}, "Keep `hogql`, `timings` and such in the answer."),
            ("client_query_id", dict(_ID), "A name to cancel the query by."),
        )

    def _version(self) -> Schema:
        endpoint: Endpoint = self.definition.endpoint
        if self.pinned:
            number = endpoint.version.number
            return {"type": "integer", "enum": [number], "default": number}
        names = [LATEST, *sorted(endpoint.aliases)]
        numbers = {"type": "integer", "minimum": 1, "maximum": endpoint.current_version}
        return {"anyOf": [numbers, {"type": "string", "enum": names}]}


def _parameter(name: str, schema: Schema, text: str, *, required: bool = False) -> dict[str, Any]:
    example = {"example": schema["example"]} if "example" in schema else {}
    plain = {key: value for key, value in schema.items() if key != "example"}
    return {"name": name, "in": "query", "required": required, "description": text, "schema": plain, **example}
