"""Which format a caller wants: by `?format=`, else by the `Accept` header."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from hedgerow.kit.errors import InvalidInput, NotAcceptable

_LONGEST_HEADER = 2_000


@dataclass(frozen=True, slots=True)
class Format:
    """A format; `media_type` is what answers are called, `accepted` by what else it may be asked for."""

    name: str
    media_type: str
    accepted: tuple[str, ...] = ()


JSON = Format("json", "application/json")
CSV = Format("csv", "text/csv; charset=utf-8; header=present")
NDJSON = Format(
    "ndjson", "application/x-ndjson", ("application/ndjson", "application/jsonl", "application/x-jsonlines")
)
ARROW = Format("arrow", "application/vnd.apache.arrow.stream")
PARQUET = Format("parquet", "application/vnd.apache.parquet")
FORMATS: Mapping[str, Format] = {each.name: each for each in (JSON, CSV, NDJSON, ARROW, PARQUET)}
_PLAIN = frozenset({b"*/*", b"application/json", b""})


def wanted(query_string: Mapping[str, str], headers: Iterable[tuple[bytes, bytes]]) -> Format:
    """The format. Raises `InvalidInput` for a name that is none, `NotAcceptable` when none will do.

    `headers` are those of an ASGI scope: most ask for JSON, or for nothing, and cost a look.
    """
    name = query_string.get("format")
    if name:
        found = FORMATS.get(name.lower())
        if found is None:
            text = f"{name[:50]} is not a format. Formats: {', '.join(FORMATS)}."
            raise InvalidInput(text, attr="format", code="invalid_choice")
        return found
    for header, value in headers:
        if header == b"accept" and value not in _PLAIN:
            return _accepted(value[:_LONGEST_HEADER])
    return JSON


@lru_cache(256)
def _accepted(header: bytes) -> Format:
    """The one wanted most; of those wanted alike, the one that is named, then JSON."""
    ranges = [_range(part) for part in header.decode("latin-1").split(",") if part.strip()]
    best = max(FORMATS.values(), key=lambda each: _weight(each, ranges)) if ranges else JSON
    if ranges and _weight(best, ranges)[0] <= 0:
        known = ", ".join(each.media_type.partition(";")[0] for each in FORMATS.values())
        raise NotAcceptable(f"Could not satisfy the request Accept header. Media types: {known}.")
    return best


def _range(part: str) -> tuple[str, float]:
    """`text/csv;q=0.5` as media type and weight."""
    kind, *parameters = (each.strip().lower() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, min(max(float(value), 0.0), 1.0)
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _weight(wanted_format: Format, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """How much it is wanted, by the most exact range that holds it, and how exact that is."""
    own = wanted_format.media_type.partition(";")[0]
    kinds = {own: 3, **dict.fromkeys(wanted_format.accepted, 3), f"{own.partition('/')[0]}/*": 2, "*/*": 1}
    held = [(kinds[kind], weight) for kind, weight in ranges if kind in kinds]
    exactness, weight = max(held, default=(0, 0.0))
    return weight, exactness
