"""PostgreSQL's text of arrays, as the JSON that its `array_to_json` makes of the same array."""

import re

import orjson

_NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})
_TIMES = frozenset({"date", "timestamp", "timestamptz"})
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
# What stands between braces and commas: a quoted value, or one that needs no quotes.
_TOKEN = re.compile(r'[{},]|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ZONE = re.compile(r"[+-]\d\d$")


def json_text(text: str, base: str) -> str:
    """`{a,NULL,"b c"}` → `["a",null,"b c"]`; `base` is the type of the elements."""
    body = text.partition("=")[2] if text.startswith("[") else text  # bounds that do not begin at 1
    separator = ";" if base == "box" else ","
    pieces = []
    for found in _TOKEN.finditer(body if separator == "," else _semicolons(body)):
        word = found[0]
        if word == "{":
            pieces.append("[")
        elif word == "}":
            pieces.append("]")
        elif word == ",":
            pieces.append(",")
        elif found[1] is not None:
            pieces.append(_element(_ESCAPED.sub(r"\1", found[1]), base))
        else:
            pieces.append("null" if word == "NULL" else _element(_ESCAPED.sub(r"\1", word), base))
    return "".join(pieces)


def _semicolons(body: str) -> str:
    """Boxes hold commas, and are parted by semicolons."""
    return "{" + ",".join(f'"{box}"' for box in body[1:-1].split(";") if box) + "}"


def _element(text: str, base: str) -> str:
    if base == "bool":
        return "true" if text == "t" else "false"
    if base in _NUMBERS and _NUMBER.fullmatch(text):
        return text
    if base in ("json", "jsonb"):
        return text
    if base in _TIMES:
        text = text.replace(" ", "T", 1) if not text.endswith(" BC") else text.replace(" ", "T", text.count(" ") - 1)
        text = f"{text}:00" if base == "timestamptz" and _ZONE.search(text) and "T" in text else text
    return orjson.dumps(text).decode()
