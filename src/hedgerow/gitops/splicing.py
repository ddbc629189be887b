"""Changes fields of a YAML file and leaves the rest of its text as it is, comments included."""

from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.gitops.reading import Document, read
from hedgerow.gitops.values import same
from hedgerow.kit.errors import HedgerowError

Part = tuple[str, list[str]]
"""A field's name, which is empty for what stands before the first, and its lines."""


def spliced(
    document: Document, fields: Mapping[str, str | None], order: Sequence[str], expected: Mapping[str, Any]
) -> str | None:
    """The text with top-level fields replaced by others' texts, or taken out where that is `None`.

    New fields take their place in `order`. `None` when the outcome would not hold what is `expected` of them, and
    the rest as it was.
    """
    parts = [_replaced(part, fields) for part in _parts(document)]
    there = {name for name, _ in parts}
    for name in [name for name in order if fields.get(name) is not None and name not in there]:
        parts.insert(_place(parts, name, order), (name, _lines(str(fields[name]))))
    text = "".join(line for _, lines in parts for line in lines)
    try:
        found = read(text, document.file).value
    except HedgerowError:
        return None
    kept = {name: value for name, value in document.value.items() if name not in fields}
    changed = {name: expected[name] for name in fields if name in expected}
    return text if same(found, {**kept, **changed}) else None


def _parts(document: Document) -> list[Part]:
    lines = _lines(document.text)
    starts = [(document.lines[(name,)] - 1, name) for name in document.value]
    ends = [start for start, _ in starts[1:]] + [len(lines)]
    head: list[Part] = [("", lines[: starts[0][0]])] if starts else []
    return head + [(name, lines[start:end]) for (start, name), end in zip(starts, ends, strict=True)]


def _replaced(part: Part, fields: Mapping[str, str | None]) -> Part:
    name, lines = part
    if name not in fields:
        return part
    tail = len(lines)
    while tail > 1 and (lines[tail - 1].startswith("#") or not lines[tail - 1].strip()):
        tail -= 1
    text = fields[name]
    return name, [*([] if text is None else _lines(text)), *lines[tail:]]


def _place(parts: Sequence[Part], name: str, order: Sequence[str]) -> int:
    before = set(order[: order.index(name)])
    places = [number for number, (each, _) in enumerate(parts) if each in before]
    return places[-1] + 1 if places else min(1, len(parts))


def _lines(text: str) -> list[str]:
    """By `\\n` alone: a line of YAML may hold the other ends of lines that Python knows."""
    lines = text.split("\n")
    ended = [f"{line}\n" for line in lines[:-1]]
    return ended + ([f"{lines[-1]}\n"] if lines[-1] else [])
