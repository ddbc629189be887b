"""Random queries over random rows, some of them odd: what is answered is what the same tables answer once synced."""

import os
import random
from typing import Any

import pytest

from tests.sources.conftest import rows, settled
from tests.sources.direct.conftest import Shop, body, found
from tests.support.apps import Api

_COUNT = int(os.environ.get("HEDGEROW_TEST_RANDOM_QUERIES", "60"))
_WORDS = ("a", "A", "ä", "b ", "", "it''s", "🦔", "NULL", "10")
_DAYS = ("2026-01-01", "2026-02-28", "1970-01-01", "1900-01-01", "1815-12-10", "2299-12-31", "2400-01-01", "2026-11-20")
_TIMES = ("00:00:00", "12:30:00", "23:59:59.999999")
_OPS = ("=", "!=", "<", "<=", ">", ">=")
_JOINS = ("join", "left join", "right join", "full join", "left any join", "left anti join")


class Maker:
    """Makes rows and queries, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def moment(self) -> str:
        return f"{self.random.choice(_DAYS)} {self.random.choice(_TIMES)}"

    def row(self, number: int) -> str:
        one = self.random
        values = [
            str(one.randint(-3, 3)),
            f"'{one.choice(_WORDS)}'",
            f"'{one.choice(_DAYS)}'",
            f"'{self.moment()}'",
            f"{one.randint(-300, 300)}.{one.randint(0, 99):02}",
        ]
        return f"({number}, {', '.join('NULL' if one.random() < 0.2 else value for value in values)})"

    def condition(self, name: str) -> str:
        one, prefix = self.random, f"{name}." if name else ""
        kind, op = one.choice("itdsnx"), one.choice(_OPS)
        number, word, day = (
            one.randint(-3, 3),
            f"'{one.choice(_WORDS)}'".replace("''s", "\\'s"),
            f"'{one.choice(_DAYS)}'",
        )
        if kind == "i":
            more = (f"in ({number}, {number + 1})", f"between {number - 1} and {number + 1}", "is not null", "is null")
            return f"{prefix}i {one.choice((f'{op} {number}', *more))}"
        if kind == "t":
            return f"{prefix}t {one.choice((f'{op} {word}', f'in ({word}, {word.upper()})'))}"
        if kind == "d":
            return f"{prefix}d {op} {one.choice((day, f'toDate32({day})', 'today() - 3'))}"
        if kind == "s":
            exact = f"toDateTime64({day[:-1]} 12:30:00', 6)"
            return f"{prefix}s {op} {one.choice((exact, 'now()', 'now() - interval 40 year', 'toStartOfDay(now())'))}"
        if kind == "n":
            return f"{prefix}n {op} {one.randint(-200, 200)}"
        return one.choice(
            (f"({prefix}i = {number} or {prefix}n > 0)", f"not ({prefix}i = {number})", f"{prefix}id > 5")
        )

    def where(self, *names: str) -> str:
        conditions = [self.condition(self.random.choice(names)) for _ in range(self.random.randint(0, 3))]
        return f" where {' and '.join(conditions)}" if conditions else ""

    def query(self) -> str:
        one = self.random
        if one.random() < 0.3:
            joined = f"from {{x}} a {one.choice(_JOINS)} {{y}} b on a.id = b.i"
            return f"select a.id, b.id {joined}{self.where('a', 'b')}"
        if one.random() < 0.2:
            return f"select i, count(), max(t), sum(n) from {{x}}{self.where('')} group by i"
        order = [f"{column}{one.choice((' desc', '', ' desc nulls first'))}" for column in one.sample("idsnt", 2)]
        end = f" limit {one.randint(0, 9)}" + (f" offset {one.randint(1, 4)}" if one.random() < 0.3 else "")
        return f"select * from {{x}}{self.where('')} order by {', '.join([*order, 'id'])}{end}"


def _tables(maker: Maker, shop: Shop) -> list[str]:
    moment = "timestamp" if shop.source_type == "Postgres" else "datetime(6)"
    columns = f"id integer PRIMARY KEY, i integer, t varchar(20), d date, s {moment}, n decimal(10, 2)"
    made = []
    for name in ("x", "y"):
        values = ", ".join(maker.row(number) for number in range(40))
        made += [f"CREATE TABLE {name} ({columns})", f"INSERT INTO {name} VALUES {values}"]
    return made


@pytest.mark.parametrize("seed", [1])
def test_direct_tables_answer_as_synced_ones(api: Api, shop: Shop, seed: int) -> None:
    maker = Maker(seed)
    shop.do(*_tables(maker, shop))
    whole = [{"name": name, "should_sync": True, "sync_type": "full_refresh"} for name in ("x", "y")]
    made = api.post(
        "/external_data_sources", json={"source_type": shop.source_type, "payload": {**shop.payload, "schemas": whole}}
    )
    assert settled(api, made.json()["id"])["status"] == "Completed"
    direct = api.post("/external_data_sources", json=body(shop, "x", "y")).json()
    synced = {name: f"{shop.source_type.lower()}_{name}" for name in ("x", "y")}
    other: list[Any] = []
    for query in [maker.query() for _ in range(_COUNT)]:
        here, there = rows(api, query.format(**synced)), found(api, direct, query.format(x="x", y="y"))
        if "order by" not in query:
            here, there = sorted(here, key=str), sorted(there, key=str)
        if here != there:
            other.append((query, here, there))
    assert other == []
