"""Endpoints in files and on a server: nothing is lost on the way, and nothing changes that was not said."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.gitops.endpoints.definitions import of_file, text_of
from hedgerow.gitops.endpoints.fields import EndpointFields
from hedgerow.gitops.endpoints.planning import Plan, plan
from hedgerow.gitops.endpoints.proving import mistakes
from hedgerow.gitops.endpoints.pulling import pull
from hedgerow.gitops.endpoints.pushing import push
from hedgerow.gitops.endpoints.sides import There, local, present, there
from hedgerow.gitops.endpoints.telling import difference, endpoint
from hedgerow.gitops.faults import Faults, FileFault
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError
from tests.support.apps import Api

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "String": _TEXTS,
    "Number": st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9, allow_nan=False),
    "Boolean": st.booleans(),
    "Date": st.dates().map(str),
    "List": st.sampled_from(["a", "1", "yes"]),
}
_SPACES = st.sampled_from([" ", "\n", "\n\n  ", "\t", " \n", "\n-- why: é # 'x'\n"])


def _forms(text: str) -> st.SearchStrategy[Any]:
    """A query as its text, and with more that one may hold."""
    more = [{"name": "x"}, {"filters": {"dateRange": {"date_from": "-7d"}}}, {"explain": False, "name": "yes"}]
    return st.just(text) | st.sampled_from(more).map(lambda each: {"kind": "HogQLQuery", "query": text, **each})


@st.composite
def variables(draw: st.DrawFn, number: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(_VALUES)))
    said: dict[str, Any] = {"type": kind}
    if draw(st.booleans()):
        said["default"] = draw(_VALUES[kind])
    if kind == "List":
        said["values"] = ["a", "1", "yes"]
    if draw(st.booleans()):
        said["name"] = f"V{number} "
    if draw(st.booleans()):
        said["value"] = draw(_VALUES[kind] | st.none())
    return said


@st.composite
def endpoints(draw: st.DrawFn) -> dict[str, Any]:
    """What a file may say of an endpoint that can be made."""
    named = {f"v{number}": draw(variables(number)) for number in range(draw(st.integers(0, 3)))}
    gap = draw(_SPACES)
    chosen = ", ".join([f"{{variables.{name}}} as {name}" for name in named] or ["1"])
    said = {
        "name": draw(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,12}", fullmatch=True)),
        "query": draw(_forms(f"select{gap}{chosen}{gap}")),
        "variables": named,
        "description": draw(_TEXTS),
        "data_freshness_seconds": draw(st.sampled_from([900, 3_600, 86_400])),
        "stale_while_revalidate_seconds": draw(st.sampled_from([0, 60])),
        "rate_limit": draw(st.sampled_from([None, "60/minute"])),
        "tags": draw(st.lists(_TEXTS, max_size=3)),
        "is_active": draw(st.booleans()),
        "derived_from_insight": draw(st.sampled_from([None, "abc", "yes"])),
        "aliases": draw(st.sampled_from([{}, {"stable": 1}, {"on": "latest", "stable": 1}])),
    }
    if "stable" in said["aliases"] and draw(st.booleans()):
        said["default_alias"] = "stable"
    return said


@st.composite
def projects(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Endpoints of one project: a variable is one for all of them, its value on an endpoint is that one's own."""
    found = draw(st.lists(endpoints(), min_size=1, max_size=2, unique_by=lambda each: each["name"].lower()))
    shared = {name: variable for each in found for name, variable in each["variables"].items()}
    for each in found:
        for name, own in each["variables"].items():
            value = {"value": own["value"]} if "value" in own and own["type"] == shared[name]["type"] else {}
            each["variables"][name] = {k: v for k, v in shared[name].items() if k != "value"} | value
    return found


def _write(folder: Path, said: dict[str, Any]) -> None:
    (folder / f"{said['name']}.yaml").write_text(text_of(said), encoding="utf-8", newline="")


def _empty(remote: Remote) -> None:
    for name in there(remote).endpoints:
        remote.delete(f"endpoints/{name}/")
    for each in list(remote.pages("insight_variables/")):
        remote.delete(f"insight_variables/{each['id']}/")


def _pushed(remote: Remote, folder: Path) -> Plan:
    todo = plan(local([folder]), there(remote))
    assert [fault for _, fault in push(remote, todo) if fault] == []
    return todo


def _pulled(remote: Remote, folder: Path) -> dict[str, str]:
    files = {each.name: each for each in local([folder])} if folder.is_dir() else {}
    list(pull(list(there(remote).endpoints.values()), files, folder))
    return {path.name: path.read_bytes().decode() for path in folder.glob("*.yaml")}


def _deeds(todo: Plan) -> list[str]:
    return [each.deed for each in todo.endpoints]


@settings(deadline=None)
@given(endpoints())
def test_a_file_is_read_as_it_was_written(said: dict[str, Any]) -> None:
    definition = of_file(EndpointFields.model_validate(said))
    text = text_of(definition)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.yaml").write_text(text, encoding="utf-8", newline="")
        again = local([Path(folder)])[0].definition
    assert again == definition
    assert list(again) == list(definition)
    assert text_of(again) == text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=projects())
def test_what_is_pulled_and_pushed_changes_nothing(said: list[dict[str, Any]], remote: Remote, tmp_path: Path) -> None:
    _empty(remote)
    written = Path(tempfile.mkdtemp(dir=tmp_path))
    for each in said:
        _write(written, each)
    assert set(_deeds(_pushed(remote, written))) == {"create"}
    assert plan(local([written]), there(remote)).is_empty

    folder = written / "pulled"
    first = _pulled(remote, folder)
    assert len(first) == len(said)
    again = plan(local([folder]), there(remote))
    assert again.is_empty
    assert [difference(each) for each in again.endpoints] == [""] * len(said)
    _pushed(remote, folder)
    assert _pulled(remote, folder) == first
    other = Path(tempfile.mkdtemp(dir=tmp_path))
    assert _pulled(remote, other) == first


def _one(folder: Path, text: str) -> Path:
    file = folder / "sales.yaml"
    file.write_text(text)
    return file


_SALES = """\
# by the data team
name: sales
query: |
  select {variables.n} as n   -- how many
variables:
  n: {type: Number, default: 1}
# asked for by the app
tags: [app]

tests:
  - name: one   # the default
    expect: {rows: [[1]]}
"""


def test_a_pull_keeps_comments_and_tests(remote: Remote, tmp_path: Path) -> None:
    _one(tmp_path, _SALES)
    _pushed(remote, tmp_path)
    assert _pulled(remote, tmp_path) == {"sales.yaml": _SALES}
    remote.patch("endpoints/sales/", {"tags": ["new"], "description": "x"})
    changed = _SALES.replace("[app]", "[new]").replace("query:", "description: x\nquery:")
    assert _pulled(remote, tmp_path) == {"sales.yaml": changed}
    assert plan(local([tmp_path]), there(remote)).is_empty


def test_a_pull_writes_over_nothing_else(remote: Remote, tmp_path: Path) -> None:
    remote.post("endpoints/", {"name": "sales", "query": {"kind": "HogQLQuery", "query": "select 1"}})
    file = _one(tmp_path, "name: other\nquery: select 2\n")
    with pytest.raises(FileFault, match="it holds something else than sales"):
        _pulled(remote, tmp_path)
    assert file.read_text() == "name: other\nquery: select 2\n"
    answer = {**there(remote).endpoints["sales"].answer, "name": "../sales"}
    with pytest.raises(FileFault, match="is no name of an endpoint"):
        list(pull([present(answer, {})], {}, tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_a_plan_tells_what_a_push_then_does(remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, _SALES)
    todo = plan(local([file]), there(remote))
    assert [variable.code_name for variable in todo.variables] == ["n"]
    assert _deeds(todo) == ["create"]
    assert there(remote).endpoints == {}
    _pushed(remote, file)
    assert _deeds(_pushed(remote, file)) == ["unchanged"]

    file.write_text(_SALES.replace("tags: [app]", "tags: []\naliases: {stable: 1}\ndefault_alias: stable"))
    todo = _pushed(remote, file)
    assert list(endpoint(todo.endpoints[0])) == [
        "~ sales: update (settings)",
        "    tags: ['app'] → []",
        "    alias stable: new → version 1",
        "    default_alias: latest → stable",
    ]
    file.write_text(file.read_text().replace("default: 1", "default: 2"))
    todo = _pushed(remote, file)
    assert (_deeds(todo), todo.variables[0].body["default_value"]) == (["version"], 2)
    assert remote.post("endpoints/sales/run", {})["results"] == [[1]]
    assert remote.post("endpoints/sales/run", {"version": "latest"})["results"] == [[2]]

    file.write_text(_SALES.replace("default: 1", "default: 2"))
    todo = _pushed(remote, file)
    found = remote.get("endpoints/sales/")
    assert (_deeds(todo), found["aliases"], found["default_alias"], found["tags"]) == (["update"], {}, None, ["app"])


def test_a_new_version_goes_out_with_its_alias_and_not_before(remote: Remote, tmp_path: Path) -> None:
    """A file that makes an alias the default and changes the query at once never lets the new query out early."""
    file = _one(tmp_path, _SALES)
    _pushed(remote, file)
    more = "aliases: {stable: 1, next: latest}\ndefault_alias: stable\ntags:"
    file.write_text(_SALES.replace("as n", "+ 1 as n").replace("tags:", more))
    _pushed(remote, file)
    found = remote.get("endpoints/sales/")
    assert (found["aliases"], found["current_version"], found["default_version"]) == ({"next": 2, "stable": 1}, 2, 1)


@pytest.mark.parametrize(
    ("query", "line", "words"),
    [
        ("query: |\n  select 1 as n,\n    nope\n  from numbers(3)\n", 4, "Unable to resolve field: nope"),
        ("query: select 1 +* 2\n", 2, "Expected the end"),
        (
            "query:\n  kind: HogQLQuery\n  query: |-\n    select\n    {variables.other}\n",
            6,
            "Variable other is missing",
        ),
        ("query: |\n  select {variables.n}\nvariables: {n: {type: Number}}\n", None, ""),
        ("query: |\n  select {variables.there}\n", None, ""),
    ],
)
def test_queries_are_looked_at_before_anything_is_changed(
    remote: Remote, tmp_path: Path, query: str, line: int | None, words: str
) -> None:
    remote.post("insight_variables/", {"name": "there", "type": "Number", "default_value": 1})
    file = _one(tmp_path, f"name: a\n{query}")
    found = there(remote)
    faults, unchecked = mistakes(remote, plan(local([file]), found), found)
    assert unchecked is None
    if line is None:
        assert faults == []
        _pushed(remote, file)
        return
    assert [str(fault).startswith(f"{file}:{line}: query") for fault in faults] == [True]
    assert words in str(faults[0])


def test_a_key_that_may_not_query_pushes_all_the_same(api: Api, remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, "name: a\nquery: select 1\n")
    key = api.make_key(["endpoint:write", "insight_variable:write"])
    remote.client.headers["Authorization"] = f"Bearer {key}"
    found = there(remote)
    faults, unchecked = mistakes(remote, plan(local([file]), found), found)
    assert faults == []
    assert unchecked == "queries are not checked beforehand: API key missing required scope 'query:read'"
    _pushed(remote, file)


def test_what_no_file_has_is_deleted_only_when_told(remote: Remote, tmp_path: Path) -> None:
    _one(tmp_path, _SALES)
    remote.post("endpoints/", {"name": "old", "query": {"kind": "HogQLQuery", "query": "select 1"}})
    assert _deeds(plan(local([tmp_path]), there(remote))) == ["create"]
    todo = plan(local([tmp_path]), there(remote), prune=True)
    assert _deeds(todo) == ["create", "delete"]
    assert [fault for _, fault in push(remote, todo) if fault] == []
    assert list(there(remote).endpoints) == ["sales"]


def test_aliases_of_another_server_can_be_left_alone(remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, _SALES.replace("tags:", "aliases: {stable: 7}\ndefault_alias: stable\ntags:"))
    with pytest.raises(Faults, match=r"sales.yaml:8: aliases.stable: there is no version 7: the current one is 1"):
        plan(local([file]), there(remote))
    todo = plan(local([file]), there(remote), aliases=False)
    assert [fault for _, fault in push(remote, todo) if fault] == []
    assert plan(local([file]), there(remote), aliases=False).is_empty


def test_variables_stay_as_a_file_leaves_them(remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, _SALES)
    _pushed(remote, file)
    for said in ("variables:\n  n:\n", "", "variables:\n  n: {value: 1}\n"):
        file.write_text(_SALES.replace("variables:\n  n: {type: Number, default: 1}\n", said))
        assert plan(local([file]), there(remote)).is_empty
    file.write_text(_SALES.replace("{type: Number, default: 1}", "{value: 5}"))
    assert _deeds(_pushed(remote, file)) == ["version"]
    assert remote.post("endpoints/sales/run", {})["results"] == [[5]]
    file.write_text(_SALES.replace("{type: Number, default: 1}", "{value: null}"))
    assert _deeds(_pushed(remote, file)) == ["version"]
    assert remote.post("endpoints/sales/run", {})["results"] == [[None]]
    # Of a variable that is deleted, an endpoint keeps the value.
    remote.delete(f"insight_variables/{next(remote.pages('insight_variables/'))['id']}/")
    assert _pulled(remote, tmp_path / "gone")["sales.yaml"].count("n: {value: null}") == 1
    assert plan(local([tmp_path / "gone"]), there(remote)).is_empty


def test_a_variable_in_a_comment_makes_no_version(remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, "name: a\nquery: select 1 -- {variables.n}\n")
    _pushed(remote, file)
    file.write_text(file.read_text() + "variables: {n: {type: Number}}\naliases: {stable: latest}\n")
    faults = [str(fault) for _, fault in push(remote, plan(local([file]), there(remote))) if fault]
    assert faults == [
        f"{file}:3: variables: the server sees no other query: does it use each of these outside of comments?"
    ]
    assert remote.get("endpoints/a/")["aliases"] == {}


def test_no_alias_is_moved_to_a_version_of_somebody_else(remote: Remote, tmp_path: Path) -> None:
    file = _one(tmp_path, "name: a\nquery: select 1\n")
    _pushed(remote, file)
    file.write_text("name: a\nquery: select 2\naliases: {stable: latest}\n")
    todo = plan(local([file]), there(remote))
    remote.patch("endpoints/a/", {"query": {"kind": "HogQLQuery", "query": "select 3"}})
    faults = [str(fault) for _, fault in push(remote, todo) if fault]
    assert faults == [
        f"{file}:2: query: somebody else has changed it at the same time; its version is 3 now: push again"
    ]
    assert remote.get("endpoints/a/")["aliases"] == {}
    _pushed(remote, file)
    assert remote.get("endpoints/a/")["aliases"] == {"stable": 3}


def test_materialization_is_a_switch(api: Api, remote: Remote, tmp_path: Path) -> None:
    rows = b"customer,day\nacme,2026-01-03\nglobex,2026-01-04\n"
    made = api.post("/warehouse_tables/file/", data={"name": "orders"}, files={"file": ("orders.csv", rows)})
    assert made.status_code == 201, made.text
    query = "select customer, count() as n from orders where day >= {variables.since} group by customer"
    text = f"name: sales\nquery: {query}\n"
    text += "variables: {since: {type: Date, default: 2026-01-01}}\ndata_freshness_seconds: 3600\n"
    file = _one(tmp_path, text + "is_materialized: true\nbucket_overrides: {day: month}\n")
    _pushed(remote, file)
    # At once, long before the first table is there.
    assert plan(local([file]), there(remote)).is_empty
    assert _pulled(remote, tmp_path / "pulled")["sales.yaml"] == text_of(local([file])[0].definition)
    file.write_text(text + "is_materialized: true\n")
    assert _deeds(_pushed(remote, file)) == ["update"]
    assert plan(local([file]), there(remote)).is_empty
    file.write_text(text)
    assert _deeds(_pushed(remote, file)) == ["update"]
    assert plan(local([file]), there(remote)).is_empty
    file.write_text(text.replace(query, "select {variables.since} as customer") + "is_materialized: true\n")
    faults = [str(fault) for _, fault in push(remote, plan(local([file]), there(remote))) if fault]
    assert [fault.startswith(f"{file}:5: is_materialized: ") for fault in faults] == [True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nquery: |\n  select\n    1 +* 2\n  from x\n", "x.yaml:4: query: Invalid HogQL query"),
        ("name: a\nquery: select 1\nrate_limit: often\n", "x.yaml:3: rate_limit: "),
        ("name: a\nquery: select 1\ndata_freshness_seconds: 7\n", "x.yaml:3: data_freshness_seconds: "),
        ("name: a\nquery: select {variables.q}\n", "x.yaml:2: query: Query references undefined variable"),
        (
            "name: a\nquery: select {variables.q}\nvariables:\n  q: {type: List, values: [[1]]}\n",
            "x.yaml:4: variables.q.values: List variable values",
        ),
    ],
)
def test_a_refusal_names_file_line_and_field(remote: Remote, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    todo = plan(local([tmp_path]), there(remote))
    faults = [str(fault) for _, fault in push(remote, todo) if fault]
    assert faults[0].startswith(f"{tmp_path}/{words}"), faults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: 9\nquery: select 1\n", "x.yaml:1: name: Input should be a valid string"),
        ("name: 9a\nquery: select 1\n", "x.yaml:1: name: a letter"),
        ("query: select 1\n", "x.yaml:1: name: this field is required"),
        ("name: a\nquery: 5\n", "x.yaml:2: query: write SQL"),
        ("name: a\nquery: {query: select 1}\n", "x.yaml:2: query: write SQL, or a mapping with a kind"),
        ("name: a\nquery: select 1\ncolour: red\n", "x.yaml:3: colour: there is no such field"),
        ("name: a\nquery: select 1\nvariables: {b: {type: Number}}\n", "x.yaml:3: variables.b: the query does not use"),
        (
            "name: a\nquery: select {variables.name}\nvariables: {n: {type: Number}, name: {type: String}}\n",
            "x.yaml:3: variables.n: the query does not use",
        ),
        ("name: a\nquery: select 1\naliases: {A: 1}\n", "x.yaml:3: aliases: A: a lower-case letter"),
        ("name: a\nquery: select 1\ndefault_alias: b\n", "default_alias: b is not among the aliases"),
        ("name: a\nquery: select 1\nbucket_overrides: {a: day}\n", "only what is materialized has buckets"),
        ("name: a\nquery: select 1\ntests:\n  - name: b\n    expect: {}\n", "x.yaml:5: tests.0.expect: say what"),
        ("name: a\nquery: select 1\ntests:\n  - expect: {row_count: 1}\n", "x.yaml:4: tests.0.name: this field"),
        ("- 1\n", "x.yaml:1: it holds no mapping"),
        ("", "x.yaml:1: it holds no mapping"),
    ],
)
def test_a_mistake_names_file_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(HedgerowError) as caught:
        local([tmp_path])
    assert words in str(caught.value)


def test_an_endpoint_over_an_insight_is_a_file_too(tmp_path: Path) -> None:
    """As another server of this API answers it: of kinds and fields that are not ours."""
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}], "interval": None}
    answer = {
        "name": "views",
        "description": "",
        "query": {**query, "breakdownFilter": {"breakdowns": [{"property": "$os", "type": "event"}]}},
        "is_active": True,
        "data_freshness_seconds": 3_600,
        "current_version": 3,
        "is_materialized": False,
        "materialization": {"can_materialize": True, "reason": None},
        "bucket_overrides": None,
        "tags": ["b", "a"],
        "optional_breakdown_properties": ["$os"],
        "derived_from_insight": "a1B2",
    }
    there_now = There({"views": present(answer, {})}, {})
    list(pull(list(there_now.endpoints.values()), {}, tmp_path))
    written = (tmp_path / "views.yaml").read_text()
    assert "optional_breakdown_properties: [$os]\ntags: [a, b]\n" in written
    assert "interval" not in written
    files = local([tmp_path])
    assert plan(files, there_now).is_empty
    list(pull(list(there_now.endpoints.values()), {each.name: each for each in files}, tmp_path))
    assert (tmp_path / "views.yaml").read_text() == written


def test_files_may_not_contradict_one_another(remote: Remote, tmp_path: Path) -> None:
    text = "query: select {{variables.n}}\nvariables: {{n: {{type: {}}}}}\nname: {}\n"
    (tmp_path / "a.yaml").write_text(text.format("Number", "a"))
    (tmp_path / "b.yaml").write_text(text.format("String", "b"))
    with pytest.raises(Faults, match=r"b.yaml:2: variables.n: .*a.yaml says something else"):
        plan(local([tmp_path]), there(remote))
    (tmp_path / "b.yaml").write_text(text.format("Number", "a"))
    with pytest.raises(Faults, match=r"b.yaml:3: name: a is also in .*a.yaml"):
        local([tmp_path])
