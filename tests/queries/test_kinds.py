"""The registry of query kinds."""

import pytest

from hedgerow.kit.errors import HedgerowError
from hedgerow.queries.kinds import HOGQL, HogQLQuery, Kind, Kinds

KINDS = Kinds([HOGQL, Kind("Other", HogQLQuery)])


def test_a_dump_holds_every_optional_key() -> None:
    dumped = KINDS.read({"kind": "HogQLQuery", "query": "select 1"}).model_dump(mode="json")
    assert {key for key, value in dumped.items() if value is None} >= {
        "explain", "filters", "modifiers", "name", "response", "tags", "values", "variables", "version",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "attr", "text"),
    [
        (None, "query", "Expected a dictionary"),
        ([], "query", "Expected a dictionary"),
        ({"query": "select 1"}, "query__kind", "required"),
        ({"kind": "FunnelsQuery"}, "query", "FunnelsQuery"),
        ({"kind": "Other", "query": ""}, "query", "Supported kinds: HogQLQuery."),
        ({"kind": ["HogQLQuery"]}, "query", "not supported"),
        ({"kind": "HogQLQuery"}, "query__query", "required"),
        ({"kind": "HogQLQuery", "query": 1}, "query__query", "Not a valid string"),
        ({"kind": "HogQLQuery", "query": "", "settings": {}}, "query__settings", "not known"),
        ({"kind": "HogQLQuery", "query": "", "variables": {"x": {}}}, "query__variables__x__code_name", "required"),
    ],
)
def test_what_is_refused(query: object, attr: str, text: str) -> None:
    with pytest.raises(HedgerowError) as refused:
        KINDS.read(query, publishable=True)
    body = refused.value.body()
    assert body["attr"] == attr
    assert text in body["detail"]
