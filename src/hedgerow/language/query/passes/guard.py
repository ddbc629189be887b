"""The tenant guard: a table may be printed only after this pass has seen that it is the project's own."""

from hedgerow.language.query.catalog import Catalog, FunctionTable, PhysicalTable
from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.resolved import TableRef
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_READERS = frozenset({"s3", "deltaLake", "url", "iceberg"})


def guard(tree: nodes.AnySelect, catalog: Catalog) -> nodes.AnySelect:
    """Mark every table of the catalog's own database; raise for any other."""
    for node in walk(tree):
        if isinstance(node, TableRef):
            _check(node, catalog)
            node.guarded = True
    return tree


def _check(node: TableRef, catalog: Catalog) -> None:
    backing = node.table.backing
    known = (catalog.tables.get(node.table.name), catalog.hidden.get(node.table.name))
    if not any(table is node.table for table in known):
        raise QueryFault(f"Unknown table `{node.table.name}`.", node)
    if isinstance(backing, PhysicalTable) and backing.database == catalog.database:
        return
    if isinstance(backing, FunctionTable) and backing.function in _READERS:
        return
    raise QueryFault(f"Unknown table `{node.table.name}`.", node)
