"""The ledger of runs."""

from uuid import uuid4

from hedgerow.store import Store
from hedgerow.views.runs import ledger


def test_the_last_500_runs_of_a_view_are_kept(store: Store) -> None:
    view, other = uuid4(), uuid4()
    with store.write() as session:
        first = ledger.add(session, 1, other, uuid4())
        made = [ledger.add(session, 1, view, uuid4()).id for _ in range(505)]
    with store.read() as session:
        kept = [run.id for run in ledger.of_view(session, 1, view, 1_000)]
        assert kept == made[::-1][:500]
        assert ledger.get(session, 1, first.id) == first
