"""HogQL to the engine's text: parse and all passes, against the published parser alone (which only parses)."""

from bench.parse import milliseconds, nested, published
from bench.table import Measured, show
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.language.query.pipeline import CompileOptions, compile_query, parse, rebind

MEDIUM = """
WITH recent AS (SELECT customer_id, amount, ts FROM orders WHERE ts > now() - INTERVAL 30 DAY)
SELECT c.country AS country, c.plan, count() AS n, sum(r.amount) AS total, avg(r.amount) AS average,
    max(r.ts) AS last_ts, countIf(r.amount > 100) AS big, uniq(r.customer_id) AS buyers,
    round(sum(r.amount) / count(), 2) AS per_order,
    multiIf(c.plan = 'free', 0, c.plan = 'pro', 1, 2) AS tier,
    if(c.country IN ('DE', 'FR'), 'EU', 'other') AS region
FROM recent AS r LEFT JOIN customers AS c ON r.customer_id = c.id
WHERE c.country = {variables.country} AND r.amount BETWEEN 1 AND 10000
    AND lower(c.email) LIKE '%@example.com' AND NOT c.deleted
GROUP BY country, c.plan HAVING n > 10 ORDER BY total DESC, country ASC LIMIT 50 OFFSET 10
"""


def _table(name: str, kind: str, columns: str) -> Table:
    return Table(name, PhysicalTable("p1", f"t_{name}"), tuple(TableColumn(c, kind) for c in columns.split()))


CATALOG = Catalog(
    1,
    "p1",
    {
        "orders": _table("orders", "Int64", "customer_id amount ts"),
        "customers": _table("customers", "Nullable(String)", "id country plan email deleted"),
    },
)
VARIABLES = CompileOptions(variables={"country": "DE"})


def main() -> None:
    """Print the table."""
    tree = parse(MEDIUM)
    compiled = compile_query(tree, CATALOG, VARIABLES)
    both = milliseconds(lambda: compile_query(MEDIUM, CATALOG, VARIABLES))
    peer = published("select", MEDIUM)
    deep = f"SELECT {nested(200).replace('f(', 'abs(').replace('x', '1')}"
    deep_time = milliseconds(lambda: compile_query(deep, CATALOG, CompileOptions()), 20)
    parse_time = milliseconds(lambda: parse(MEDIUM))
    passes = milliseconds(lambda: compile_query(tree, CATALOG, VARIABLES))
    bound = milliseconds(lambda: rebind(compiled, {"country": "FR"}))
    none = float("nan")
    show(
        "compile",
        [
            Measured("medium select, parse and compile; published parser alone", both, peer, "ms", "< 2 ms", both < 2),
            Measured("of it: parse; published parser", parse_time, peer, "ms", "", None),
            Measured("of it: passes and printing", passes, none, "ms", "", None),
            Measured("200 nested calls, parse and compile", deep_time, none, "ms", "< 10 ms", deep_time < 10),
            Measured("other values into a compiled query", bound * 1000, none, "us", "< 20 us", bound < 0.02),
        ],
    )


if __name__ == "__main__":
    main()
