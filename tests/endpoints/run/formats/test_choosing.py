"""Which format is answered: by name, by header, and what is said when there is none."""

import pytest

from hedgerow.endpoints.run.formats.choosing import wanted
from hedgerow.kit.errors import InvalidInput, NotAcceptable
from tests.endpoints.conftest import Desk, refused


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("application/*", "json"),
        ("text/*", "csv"),
        ("text/csv", "csv"),
        ("Text/CSV; charset=utf-8", "csv"),
        ("text/csv, */*", "csv"),
        ("application/json;q=0.5, text/csv;q=0.9", "csv"),
        ("text/csv;q=0, */*", "json"),
        ("text/csv;q=0, text/*;q=0.5, */*;q=0.1", "json"),
        ("application/x-ndjson", "ndjson"),
        ("application/jsonl", "ndjson"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("application/vnd.apache.parquet;q=0.2, text/html", "parquet"),
    ],
)
def test_the_header_chooses(header: str | None, expected: str) -> None:
    headers = [] if header is None else [(b"accept", header.encode())]
    assert wanted({}, headers).name == expected
    assert wanted({"format": "ARROW"}, headers).name == "arrow"


@pytest.mark.parametrize("header", ["image/png", "text/html", "text/csv;q=0", "application/json;q=nonsense"])
def test_a_header_that_nothing_satisfies(header: str) -> None:
    with pytest.raises(NotAcceptable):
        wanted({}, [(b"accept", header.encode())])


@pytest.mark.parametrize("name", ["xml", "CSVWithNames", "json "])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(InvalidInput, match="Formats: json, csv, ndjson, arrow, parquet"):
        wanted({"format": name}, [])


def test_both_are_told_over_http(desk: Desk) -> None:
    desk.make()
    refused(desk.api.get("/endpoints/e/run?format=xml"), 400, "format", "xml is not a format")
    answer = desk.api.get("/endpoints/e/run", headers={"Accept": "image/png"})
    refused(answer, 406, None, "text/csv")
    assert answer.json()["code"] == "not_acceptable"
    assert desk.api.get("/endpoints/e/run?format=json").json()["results"] == [[1]]
