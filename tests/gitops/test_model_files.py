"""Models in files: names, settings, order, and where a drawing puts them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.gitops.faults import Faults
from hedgerow.gitops.models import definitions
from hedgerow.gitops.models.fields import ModelFields
from hedgerow.gitops.models.files import local, place_of, query_text
from hedgerow.gitops.models.graph import Node
from hedgerow.gitops.models.layout import place
from hedgerow.gitops.models.pulling import pull
from hedgerow.gitops.models.reads import in_order, levels_of, tables_of
from hedgerow.gitops.models.server import Present
from hedgerow.gitops.models.svg import draw
from hedgerow.kit.errors import InvalidInput

_NAMES = st.from_regex(r"[a-z_$][a-z0-9_.$]{0,12}", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
_CHECKS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("not_null"), "column": _TEXTS}),
    st.fixed_dictionaries({"kind": st.just("row_count"), "min": st.integers(0, 10**12)}),
    st.fixed_dictionaries({"kind": st.just("custom_sql"), "query": _TEXTS, "severity": st.just("warn")}),
    st.fixed_dictionaries(
        {"kind": st.just("accepted_values"), "column": _TEXTS, "values": st.lists(_TEXTS | st.booleans())}
    ),
)


def _present(name: str, query: str, checks: list[dict[str, Any]], frequency: str | None, materialized: bool) -> Present:
    listed = [
        {
            "id": str(number),
            "name": f"check {number}",
            "kind": check["kind"],
            "severity": check.get("severity", "error"),
            "enabled": True,
            "config": {key: value for key, value in check.items() if key not in {"kind", "severity"}},
        }
        for number, check in enumerate(checks)
    ]
    answer = {
        "name": name,
        "query": {"kind": "HogQLQuery", "query": query},
        "is_materialized": materialized,
        "sync_frequency": frequency,
        "incremental": None,
    }
    return Present(answer, listed, definitions.of_server(answer, listed))


@given(
    _NAMES,
    st.lists(_CHECKS, max_size=3),
    st.sampled_from([None, "1hour", "24hour"]),
    st.booleans(),
    st.text("\n\r\t ", max_size=4),
)
def test_what_is_pulled_says_what_the_server_says(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    checks: list[dict[str, Any]],
    frequency: str | None,
    materialized: bool,
    blank: str,
) -> None:
    root = tmp_path_factory.mktemp("models")
    view = _present(name, f"select 1 as a{blank}", checks, frequency, materialized)
    list(pull([view], {}, root))
    [read] = local(root)
    assert read.name == name
    assert definitions.agree(read.definition, view.definition)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert [deed for _, deed in pull([view], {name: read}, root)] == ["unchanged"]
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_what_a_file_says_and_the_server_does_not_is_kept_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "v.sql").write_text("select 1 as a\n")
    (tmp_path / "v.yml").write_text("# ours\nmaterialized: true   # for speed\nsync_frequency: 1hour\n")
    view = _present("v", "select 2 as a", [], "24hour", True)
    [read] = local(tmp_path)
    assert [deed for _, deed in pull([view], {"v": read}, tmp_path)] == ["changed"]
    assert (tmp_path / "v.yml").read_text() == "# ours\nmaterialized: true   # for speed\nsync_frequency: 24hour\n"
    assert (tmp_path / "v.sql").read_text() == "select 2 as a\n"


def test_folders_are_parts_of_names(tmp_path: Path) -> None:
    assert place_of(tmp_path, "a.b.c") == tmp_path / "a" / "b" / "c.sql"
    for odd in ("a..b", "a.", "a"):
        place_of(tmp_path, odd).write_text(query_text("select 1"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y.sql").write_text("select 1")
    assert [each.name for each in local(tmp_path)] == ["a", "a.", "a..b", "x.y"]
    (tmp_path / "x.y.sql").write_text("select 1")
    (tmp_path / "2nd.sql").write_text("select 1")
    with pytest.raises(Faults) as caught:
        local(tmp_path)
    assert [str(each).removeprefix(str(tmp_path)) for each in caught.value.faults] == [
        "/2nd.sql: 2nd is no name of a view: letters, digits, _, $ and folders",
        f"/x.y.sql: x.y is also in {tmp_path}/x/y.sql",
    ]


def test_a_check_without_a_name_is_the_servers_own_of_that_kind(tmp_path: Path) -> None:
    fields = ModelFields.model_validate(
        {"checks": [{"kind": "unique", "column": "a"}, {"name": "n", "kind": "row_count"}]}
    )
    wanted = definitions.of_files("q", fields)
    there = {
        "query": "q",
        "checks": [{"name": "n", "kind": "row_count"}, {"name": "unique a", "kind": "unique", "column": "a"}],
    }
    assert definitions.agree(wanted, there)
    there["checks"][1]["column"] = "b"  # type: ignore[index]
    assert not definitions.agree(wanted, there)
    assert len(definitions.pairs(wanted, there)) == 3


def test_what_a_query_reads() -> None:
    text = """
    with recent as (select * from raw.events)
    select * from recent join (select id from users where id in (select user from bans)) u on true
    union all select 1, 2 from finance.daily, numbers(3)
    """
    assert tables_of(text, "f") == {"raw.events", "users", "bans", "finance.daily"}


@st.composite
def _graphs(draw_: st.DrawFn) -> dict[str, list[str]]:
    count = draw_(st.integers(1, 14))
    return {
        f"n{i}": draw_(st.lists(st.sampled_from([f"n{j}" for j in range(i)]), unique=True, max_size=4)) if i else []
        for i in range(count)
    }


@given(_graphs())
def test_parents_come_first_and_a_drawing_overlaps_nowhere(reads: dict[str, list[str]]) -> None:
    ordered = in_order(reads)
    assert all(ordered.index(parent) < ordered.index(name) for name, above in reads.items() for parent in above)
    levels = levels_of(reads)
    layout = place(levels, reads, 64, 22)
    for level in set(levels.values()):
        heights = sorted(layout.heights[name] for name in levels if levels[name] == level)
        assert all(below - above >= 63.999 for above, below in pairwise(heights))
    assert all(
        len(layout.bends[parent, name]) == levels[name] - levels[parent] - 1 for name in reads for parent in reads[name]
    )
    nodes = [Node(name, "view", levels[name], tuple(reads[name])) for name in reads]
    assert draw(nodes, "<&>").count('class="edge"') == sum(map(len, reads.values()))


def test_a_circle_is_named() -> None:
    with pytest.raises(InvalidInput, match="b → c → b"):
        in_order({"a": ["b"], "b": ["c"], "c": ["b"]})
