"""Which conditions are made before other columns are read: the engine finds that out by itself, in 0.2 ms a query."""

from hedgerow.language.query.catalog import PhysicalTable
from hedgerow.language.query.materializing.shapes import conjuncts
from hedgerow.language.query.resolved import ColumnRef, TableRef
from hedgerow.language.syntax import nodes


def is_early(select: nodes.SelectQuery) -> bool:
    """Whether WHERE compares one column of one stored table with constants.

    With several columns, which is read first is better left to the engine, which knows their sizes.
    """
    table = select.select_from
    if select.where is None or select.prewhere is not None or select.array_join_list or table is None:
        return False
    if table.next_join is not None or table.table_final or table.sample is not None:
        return False
    if not isinstance(table.table, TableRef) or not isinstance(table.table.table.backing, PhysicalTable):
        return False
    columns = {_column(condition) for condition in conjuncts(select.where)}
    return len(columns) == 1 and None not in columns


def _column(condition: nodes.Expr) -> tuple[str, str] | None:
    """The column that is compared with constants; `None` for any other condition."""
    if isinstance(condition, nodes.CompareOperation):
        sides = [condition.left, condition.right]
    elif isinstance(condition, nodes.BetweenExpr):
        sides = [condition.expr, condition.low, condition.high]
    else:
        return None
    found = [(side.source, side.name) for side in sides if isinstance(side, ColumnRef)]
    rest = [side for side in sides if not isinstance(side, ColumnRef)]
    return found[0] if len(found) == 1 and all(map(_is_constant, rest)) else None


def _is_constant(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Tuple | nodes.Array):
        return all(map(_is_constant, node.exprs))
    return isinstance(node, nodes.Constant)
