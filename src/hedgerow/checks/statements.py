"""Checks as HogQL: one query per kind over the rows that are checked, values bound, and how its answer is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hedgerow.checks.records import FAILED, PASSED, Check, Finding
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog, Table, ViewTable
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, Value, compile_query, find_variables, parse
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk
from hedgerow.warehouse.types import hogql_type

_ROWS, _OTHER, _OWN = "hedgerow_check.rows", "hedgerow_check.other", "hedgerow_check.own"
_NUMBERS = frozenset({"integer", "float", "decimal"})
_TIMES = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A check ready for the engine; `read` makes a finding of its one row."""

    compiled: CompiledQuery
    read: Callable[[Sequence[Any]], Finding]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A query with the names of `columns` in braces for columns, and `{variables.x}` for values."""

    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def statement(check: Check, catalog: Catalog, table: Table) -> Statement:
    """The query of a check over `table`, which is in the catalog or takes the place of what has its name there.

    Raises `InvalidInput` with the field of `config` that is at fault.
    """
    catalog = replace(catalog, tables={**catalog.tables, table.name: table})
    draft = _DRAFTS[check.kind](check.config, catalog, table)
    tables = {_ROWS: replace(table, name=_ROWS, joins=()), **draft.tables}
    within = replace(catalog, tables={**catalog.tables, **tables})
    options = CompileOptions(draft.values, limit_default=None, limit_max=None, look_ahead=False)
    compiled = compile_query(_filled(parse(draft.text), draft), within, options)
    real = tuple(name for name in compiled.tables if name not in tables)
    return Statement(replace(compiled, tables=real), lambda row: _READS[check.kind](check, row))


def _filled(tree: nodes.AnySelect, draft: _Draft) -> nodes.AnySelect:
    """The tree with the columns' names put in as names, so that none is ever read as text."""

    def change(node: nodes.Node) -> nodes.Node | None:
        if isinstance(node, nodes.Placeholder) and isinstance(node.expr, nodes.Field) and len(node.expr.chain) == 1:
            said = str(node.expr.chain[0])
            if said in draft.columns:
                return nodes.Field(["t", draft.columns[said]])
        return None

    made: nodes.AnySelect = rebuild(tree, change)
    return made


# --- one query per kind


def _not_null(config: Mapping[str, Any], _catalog: Catalog, table: Table) -> _Draft:
    _kind(table, config["column"])
    return _Draft(f"SELECT count() FROM {_ROWS} AS t WHERE isNull({{column}})", {"column": config["column"]})


def _unique(config: Mapping[str, Any], _catalog: Catalog, table: Table) -> _Draft:
    keys = config.get("columns") or [config["column"]]
    for key in keys:
        _kind(table, key, "columns" if "columns" in config else "column")
    columns = {f"k{place}": key for place, key in enumerate(keys)}
    there = " AND ".join(f"isNotNull({{{name}}})" for name in columns)
    listed = ", ".join(f"{{{name}}}" for name in columns)
    inner = f"SELECT count() AS times FROM {_ROWS} AS t WHERE {there} GROUP BY {listed} HAVING times > 1"
    return _Draft(f"SELECT sum(times) FROM ({inner})", columns)


def _accepted_values(config: Mapping[str, Any], _catalog: Catalog, table: Table) -> _Draft:
    kind = _kind(table, config["column"])
    values: list[Any] = list(config["values"])
    shown = "{column}"
    if kind in _NUMBERS:
        if any(isinstance(value, str | bool) for value in values):
            raise InvalidInput("The column holds numbers: give numbers.", attr="config__values")
        values = [float(value) for value in values] if any(isinstance(v, float) for v in values) else values
    else:
        shown = "toString({column})"
        values = [_text(value) for value in values]
    text = f"SELECT count() FROM {_ROWS} AS t WHERE isNotNull({{column}}) AND {shown} NOT IN {{variables.accepted}}"
    return _Draft(text, {"column": config["column"]}, values={"accepted": values})


def _relationships(config: Mapping[str, Any], catalog: Catalog, table: Table) -> _Draft:
    own = _kind(table, config["column"])
    other = catalog.tables.get(config["to"])
    if other is None:
        raise InvalidInput(f'There is no table or view "{config["to"]}".', attr="config__to")
    theirs = _kind(other, config["field"], "field")
    column, field_ = "{column}", "{field}"
    if own != theirs and not {own, theirs} <= _NUMBERS:
        column, field_ = f"toString({column})", f"toString({field_})"
    among = f"SELECT {field_} FROM {_OTHER} AS t WHERE isNotNull({{field}})"
    text = f"SELECT count() FROM {_ROWS} AS t WHERE isNotNull({{column}}) AND {column} NOT IN ({among})"
    columns = {"column": config["column"], "field": config["field"]}
    return _Draft(text, columns, tables={_OTHER: replace(other, name=_OTHER, joins=())})


def _row_count(_config: Mapping[str, Any], _catalog: Catalog, _table: Table) -> _Draft:
    return _Draft(f"SELECT count() FROM {_ROWS} AS t")


def _freshness(config: Mapping[str, Any], _catalog: Catalog, table: Table) -> _Draft:
    if _kind(table, config["column"]) not in _TIMES:
        raise InvalidInput(f'The column "{config["column"]}" holds no dates.', attr="config__column")
    text = f"SELECT count({{column}}), dateDiff('second', max({{column}}), now()) FROM {_ROWS} AS t"
    return _Draft(text, {"column": config["column"]})


def _custom_sql(config: Mapping[str, Any], _catalog: Catalog, _table: Table) -> _Draft:
    try:
        tree = parse(config["query"])
    except InvalidInput as fault:
        raise InvalidInput(fault.detail, attr="config__query") from fault
    if find_variables(tree) or any(isinstance(node, nodes.Placeholder) for node in walk(tree)):
        raise InvalidInput("Placeholders are not allowed in a check.", attr="config__query")
    return _Draft(f"SELECT count() FROM {_OWN}", tables={_OWN: Table(_OWN, ViewTable(tree))})


_DRAFTS: Mapping[str, Callable[[Mapping[str, Any], Catalog, Table], _Draft]] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "row_count": _row_count,
    "freshness": _freshness,
    "custom_sql": _custom_sql,
}


def _kind(table: Table, column: str, said: str = "column") -> str:
    """HogQL's type of a column; raises `InvalidInput` when there is none of that name."""
    for each in table.columns:
        if each.name == column:
            return hogql_type(each.type)
    raise InvalidInput(f'"{table.name}" has no column "{column}".', attr=f"config__{said}")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- what the answers say


def _rows(said: str) -> Callable[[Check, Sequence[Any]], Finding]:
    def read(check: Check, row: Sequence[Any]) -> Finding:
        found = int(row[0] or 0)
        config = check.config
        columns = ", ".join(config.get("columns") or [str(config.get("column", ""))])
        count = "1 row" if found == 1 else f"{found} rows"
        told = said.format(**{**_BLANK, **config, "rows": count, "columns": columns})
        return Finding(check, FAILED if found else PASSED, told if found else "", found, found)

    return read


_BLANK = {"to": "", "field": ""}


def _read_count(check: Check, row: Sequence[Any]) -> Finding:
    found, least, most = int(row[0]), check.config.get("min"), check.config.get("max")
    if least is not None and found < least:
        return Finding(check, FAILED, f"{found} rows, fewer than {least}.", None, found)
    if most is not None and found > most:
        return Finding(check, FAILED, f"{found} rows, more than {most}.", None, found)
    return Finding(check, PASSED, "", None, found)


def _read_freshness(check: Check, row: Sequence[Any]) -> Finding:
    column, most = check.config["column"], check.config["max_age_seconds"]
    if not int(row[0]):
        return Finding(check, FAILED, f"{column} has no value in any row.")
    age = int(row[1])
    said = f"The newest {column} is {age} seconds old, more than {most}." if age > most else ""
    return Finding(check, FAILED if said else PASSED, said, None, age)


_READS: Mapping[str, Callable[[Check, Sequence[Any]], Finding]] = {
    "not_null": _rows("{rows} without a value in {columns}."),
    "unique": _rows("{rows} that share their {columns} with another."),
    "accepted_values": _rows("{rows} with another value in {columns} than those accepted."),
    "relationships": _rows("{rows} with a value in {columns} that is not in {to}.{field}."),
    "row_count": _read_count,
    "freshness": _read_freshness,
    "custom_sql": _rows("{rows} that its query finds."),
}
