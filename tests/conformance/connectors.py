"""What every connector must do; inherited by the tests of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Connector, RemoteTable, SourceError, Unreachable

CONNECTOR = Connector  # for the subclasses' annotations


@dataclass(frozen=True)
class Case:
    """A remote that runs, and what it holds.

    `rows` is the table `table` as it must be read, in the order of `cursor`, whose values are distinct and never null.
    `refused` holds wrong configurations with a word of the error, `unreachable` one whose host does not answer. `open`
    counts the connections that the connector has open just now.
    """

    connector: Connector
    config: Mapping[str, Any]
    table: str
    rows: pa.Table
    primary_key: tuple[str, ...]
    cursor: str
    open: Callable[[], int]
    refused: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    unreachable: Mapping[str, Any] | None = None


def check_cursor(connector: Connector, config: Mapping[str, Any], kind: str, ask: Ask) -> None:
    """A table that is alone in its database, read from the value of row 2 on: rows 1 to 4 rise, row 5 has none."""
    (table,) = connector.discover(config)
    found = table.cursor(ask.cursor or "")
    assert found is not None
    assert (found.type, found.inclusive) == (kind, ask.inclusive)

    def ids(asked: Ask) -> list[int]:
        read: list[int] = pa.Table.from_batches(list(connector.read(config, asked))).column("id").to_pylist()
        return read

    assert ids(ask) == ([2, 3, 4] if ask.inclusive else [3, 4])
    assert ids(replace(ask, after=None)) == [5, 1, 2, 3, 4]


class ConnectorConformance:
    """A subclass gives a fixture `case`."""

    @pytest.fixture
    def case(self) -> Case:
        raise NotImplementedError

    def test_it_lets_a_good_configuration_in(self, case: Case) -> None:
        case.connector.check(case.config)
        assert case.open() == 0

    def test_it_says_why_a_wrong_configuration_is_refused(self, case: Case) -> None:
        assert case.refused
        names = {f.name for f in case.connector.declaration.fields}
        for what, (config, word) in case.refused.items():
            with pytest.raises(SourceError) as caught:
                case.connector.check(config)
            assert word in caught.value.text, what
            assert caught.value.field is None or caught.value.field in names, what
            assert not caught.value.retryable, what
            _no_secret(caught.value.text, case)
        assert case.open() == 0

    def test_a_silent_remote_may_be_tried_again(self, case: Case) -> None:
        if case.unreachable is not None:
            with pytest.raises(Unreachable) as caught:
                case.connector.check(case.unreachable)
            assert caught.value.retryable
            _no_secret(caught.value.text, case)

    def test_it_finds_tables(self, case: Case) -> None:
        tables = case.connector.discover(case.config)
        assert [table.name for table in tables] == sorted(table.name for table in tables)
        found = _found(case)
        assert found.primary_key == case.primary_key
        assert found.cursor(case.cursor) is not None
        assert [(c.name, c.arrow_type) for c in found.columns] == [(f.name, f.type) for f in case.rows.schema]
        assert case.open() == 0

    def test_every_row_comes_as_it_is(self, case: Case) -> None:
        batches = list(case.connector.read(case.config, Ask(case.table, cursor=case.cursor)))
        assert all(batch.num_rows for batch in batches)
        _same(pa.Table.from_batches(batches), case.rows)
        assert case.open() == 0

    def test_without_a_cursor_the_same_rows_come(self, case: Case) -> None:
        read = pa.Table.from_batches(list(case.connector.read(case.config, Ask(case.table))))
        _same(read.sort_by(case.cursor), case.rows.sort_by(case.cursor))

    def test_small_batches_lose_nothing(self, case: Case) -> None:
        batches = list(case.connector.read(case.config, Ask(case.table, cursor=case.cursor, batch_rows=1)))
        assert {batch.num_rows for batch in batches} == {1}
        _same(pa.Table.from_batches(batches), case.rows)

    def test_only_what_lies_beyond_the_cursor_comes(self, case: Case) -> None:
        middle = case.rows.num_rows // 2
        after = case.rows.column(case.cursor)[middle - 1].as_py()
        ask = Ask(case.table, cursor=case.cursor, after=after)
        _same(pa.Table.from_batches(list(case.connector.read(case.config, ask))), case.rows.slice(middle))
        again = replace(ask, inclusive=True)
        _same(pa.Table.from_batches(list(case.connector.read(case.config, again))), case.rows.slice(middle - 1))

    def test_beyond_the_last_row_there_is_nothing(self, case: Case) -> None:
        after = case.rows.column(case.cursor)[-1].as_py()
        assert list(case.connector.read(case.config, Ask(case.table, cursor=case.cursor, after=after))) == []

    def test_only_the_columns_that_are_asked_for_come(self, case: Case) -> None:
        names = (case.rows.schema.names[-1], case.cursor)
        batches = list(case.connector.read(case.config, Ask(case.table, columns=names, cursor=case.cursor)))
        wanted = [name for name in case.rows.schema.names if name in names]
        _same(pa.Table.from_batches(batches), case.rows.select(wanted))

    def test_a_table_that_is_not_there_is_named(self, case: Case) -> None:
        with pytest.raises(SourceError, match="no_such_table"):
            next(iter(case.connector.read(case.config, Ask("no_such_table"))))
        assert case.open() == 0

    def test_a_reader_that_stops_early_lets_go(self, case: Case) -> None:
        reading = case.connector.read(case.config, Ask(case.table, batch_rows=1))
        assert next(reading).num_rows == 1
        reading.close()  # type: ignore[attr-defined]
        assert case.open() == 0

    def test_its_fields_can_be_shown(self, case: Case) -> None:
        declaration = case.connector.declaration
        assert declaration.label
        assert declaration.docs_url
        assert all(f.label for f in declaration.fields)
        assert len({f.name for f in declaration.fields}) == len(declaration.fields)


def _found(case: Case) -> RemoteTable:
    return next(table for table in case.connector.discover(case.config) if table.name == case.table)


def _same(read: pa.Table, wanted: pa.Table) -> None:
    """Row for row, and type for type; floats by their bits, so that NaN is NaN."""
    assert read.schema.names == wanted.schema.names
    assert read.schema.types == wanted.schema.types
    for name in wanted.schema.names:
        assert repr(read.column(name).to_pylist()) == repr(wanted.column(name).to_pylist()), name


def _no_secret(text: str, case: Case) -> None:
    hidden = [f.name for f in case.connector.declaration.fields if f.hidden]
    assert not [name for name in hidden if case.config.get(name) and str(case.config[name]) in text]
