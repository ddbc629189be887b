"""Direct sources on a ClickHouse server and on a cluster of two shards."""

import pytest

from hedgerow.engine.base import Engine
from tests.sources.direct.conftest import Shop, ask, connect, found
from tests.support.apps import Api


@pytest.fixture(params=["clickhouse_engine", "cluster_engine"])
def chdb_engine(request: pytest.FixtureRequest) -> Engine:
    """What the application runs on here."""
    engine: Engine = request.getfixturevalue(request.param)
    return engine


def test_rows_come_over_for_a_query_and_go(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    joined = "select u.name, sum(o.price) from users u left join orders o on o.user_id = u.id group by 1 order by 1"
    assert found(api, source, joined) == [["Ada", 5.5], ["Edsger", None], ["Grace", 2.5]]
    assert found(api, source, "select id, born from users where born > '1910-01-01'") == [[3, "1930-05-11"]]
    assert found(api, source, "select id from users order by joined desc limit 1") == [[2]]
    assert found(api, source, "select count() from orders where note = 'a'") == [[1]]
    assert ask(api, source, "select intDiv(1, 0) from users").status_code == 400  # before any shard is asked
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == frozenset()
