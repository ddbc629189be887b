"""Where files are: a store, a bucket, and what in it; and patterns of their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from hedgerow.connectors.base import Config, Refused

# Hosts whose first labels are the bucket; elsewhere the path's first part is.
_BUCKET_IN_HOST = re.compile(r"(?P<bucket>.+?)\.(?P<store>(s3|cos|obs|oss|eos)[.-].+|[^.]+\.r2\..+)")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}")
_GLOB = re.compile(r"[*?{]")
_PARTS = re.compile(r"(?P<any>\*\*/?)|(?P<some>\*)|(?P<one>\?)|\{(?P<range>\d+\.\.\d+)\}|\{(?P<list>[^{}]*)\}")
_LONGEST_RANGE = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """`endpoint` is empty for Amazon's own; `path` has no slash in front, and may be a pattern."""

    endpoint: str
    bucket: str
    path: str
    region: str

    @property
    def folder(self) -> str:
        """The path as a prefix of keys: empty, or with a slash at its end."""
        bare = self.path.strip("/")
        return f"{bare}/" if bare else ""

    @property
    def site(self) -> str:
        """The store's own address."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


def place_of(config: Mapping[str, Any]) -> Place:
    """Where a configuration points; raises `Refused` with the field at fault."""
    region = str(config.get("region") or "us-east-1").strip()
    if not _REGION.fullmatch(region):
        raise Refused("The region is not the name of one, such as eu-west-1.", field="region")
    endpoint = str(config.get("endpoint") or "").strip().rstrip("/")
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    found = _pointed_to(str(config.get("url") or "").strip(), endpoint)
    if found is None or not _BUCKET.fullmatch(found[1]):
        text = "The address must be s3://bucket/folder, or an https address with a bucket in it."
        raise Refused(text, field="url")
    if found[0] and urlsplit(found[0]).path.strip("/"):
        raise Refused(
            "The endpoint must be a host alone: buckets and folders belong into the address.", field="endpoint"
        )
    return Place(*found, region=region)


def _pointed_to(url: str, endpoint: str) -> tuple[str, str, str] | None:
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "s3", url
    if scheme in {"s3", "s3a", "s3n"}:
        bucket, _, path = rest.strip("/").partition("/")
        return endpoint, bucket, path + ("/" if path and url.endswith("/") else "")
    try:
        parts = urlsplit(url.replace("?", "%3F").replace("#", "%23"))  # both may be in a key
        host = parts.hostname or ""
        if parts.port is not None and not host:
            return None
    except ValueError:
        return None
    if scheme not in {"https", "http"} or not host:
        return None
    if (found := _BUCKET_IN_HOST.fullmatch(host)) is not None:
        port = f":{parts.port}" if parts.port else ""
        return endpoint or f"{scheme}://{found['store']}{port}", found["bucket"], unquote(parts.path.lstrip("/"))
    bucket, _, path = parts.path.lstrip("/").partition("/")
    return endpoint or f"{scheme}://{parts.netloc.lower()}", bucket, unquote(path)


def hosts(config: Config) -> frozenset[str]:
    """Where secrets of a configuration may be sent to."""
    try:
        place = place_of(config)
        host = (urlsplit(place.site).netloc or place.site).lower()
    except (Refused, ValueError):
        return frozenset({str(config.get("url")), str(config.get("endpoint"))})
    return frozenset({f"http://{host}" if place.site.startswith("http://") else host})


def is_pattern(text: str) -> bool:
    """Whether a path stands for several."""
    return _GLOB.search(text) is not None


def before_pattern(text: str) -> str:
    """What all of a pattern's keys begin with."""
    found = _GLOB.search(text)
    return text[: found.start()] if found else text


def pattern_of(text: str) -> re.Pattern[str]:
    """Keys: `*` and `?` stay within a folder, `**` does not, `{a,b}` and `{1..9}` are one of them. Raises `Refused`."""
    written, at = [], 0
    for found in _PARTS.finditer(text):
        written.append(re.escape(text[at : found.start()]))
        at = found.end()
        if found["any"]:
            written.append("(?:.*/)?" if found["any"].endswith("/") else ".*")
        elif found["some"] or found["one"]:
            written.append("[^/]*" if found["some"] else "[^/]")
        elif found["range"]:
            written.append(_one_of(_numbers(found["range"])))
        else:
            written.append(_one_of((found["list"] or "").split(",")))
    return re.compile("".join(written) + re.escape(text[at:]), re.DOTALL)


def _numbers(text: str) -> list[str]:
    first, last = text.split("..")
    numbers = range(int(first), int(last) + 1)
    if len(numbers) > _LONGEST_RANGE:
        raise Refused(f"A pattern names {len(numbers)} numbers: at most {_LONGEST_RANGE} are possible.", field="tables")
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in numbers]


def _one_of(words: list[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"
