"""Writes values as YAML that people read: long texts as blocks, small collections on one line."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from hedgerow.gitops.reading import RESOLVERS, read
from hedgerow.kit.errors import HedgerowError

_WIDEST = 1 << 30
"""A line is never folded: a fold would be a space in the text."""
_ESCAPED = frozenset("\t\r\x85\u2028\u2029\ufeff")


class Block(str):
    """A text to be written as a block, also when it is one line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Quotes what this or an older reader of YAML would take for anything but the text it is."""

    blocks = True

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def analyze_scalar(self, scalar: Any) -> Any:
        # A block is asked for only where it was seen to be read back as it was.
        found = super().analyze_scalar(scalar)
        found.allow_block = True
        return found


class _Quoting(_Dumper):
    """Writes no blocks."""

    blocks = False


def write(value: Mapping[str, Any]) -> str:
    """A mapping as YAML; reading it gives the same value. Raises `ValueError` for what YAML cannot hold."""
    for dumper in (_Dumper, _Quoting):
        text = _dumped(value, dumper)
        if _same(text, value):
            return text
    raise ValueError("a value cannot be written as YAML")


def _dumped(value: Any, dumper: type[_Dumper]) -> str:
    lines: Any = _Lines()
    writer = dumper(lines, default_flow_style=None, width=_WIDEST, allow_unicode=True, sort_keys=False)
    try:
        writer.open()
        node: Any = writer.represent_data(value)
        node.flow_style = False
        writer.serialize(node)
        writer.close()
    finally:
        writer.dispose()
    return "".join(lines)


class _Lines(list[str]):
    """What is written, in pieces."""

    write = list.append


def _text(dumper: Any, data: str) -> yaml.Node:
    style = None
    if "\n" in data or isinstance(data, Block):
        style = "|" if dumper.blocks and _survives(data) else '"'
    elif not _ESCAPED.isdisjoint(data):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style=style)  # type: ignore[no-any-return]


def _survives(text: str) -> bool:
    """Whether the text is read from a block as it was."""
    if not text.strip() or not _ESCAPED.isdisjoint(text.replace("\t", "")):
        return False
    return _same(_dumped({"a": {"b": _Plain(text)}, "c": 1}, _Dumper), {"a": {"b": text}, "c": 1})


class _Plain(str):
    """A text to be written as a block, come what may."""

    __slots__ = ()


def _forced(dumper: Any, data: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style="|")  # type: ignore[no-any-return]


def _same(text: str, value: Any) -> bool:
    try:
        # As JSON: Python alone takes 1 for true.
        return json.dumps(read(text, "").value) == json.dumps(value)
    except HedgerowError:
        return False


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Block, _text)
_Dumper.add_representer(_Plain, _forced)
for _tag, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
    _Quoting.add_implicit_resolver(_tag, _pattern, _first)
_Quoting.add_representer(str, _text)
_Quoting.add_representer(Block, _text)
