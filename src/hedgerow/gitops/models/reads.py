"""What a query reads, and the order that follows from it."""

import re
from collections.abc import Iterable, Mapping

from hedgerow.gitops.faults import FileFault
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_select
from hedgerow.language.syntax.visitor import walk

_LINE = re.compile(r"\bline ([1-9][0-9]*)\b")


def tables_of(query: str, file: str) -> set[str]:
    """The names of tables and views in FROM and JOIN, anywhere in a query; raises `FileFault` for one that is none."""
    try:
        tree = parse_select(query)
    except HedgerowError as fault:
        found = _LINE.search(fault.detail)
        raise FileFault(file, fault.detail, line=int(found[1]) if found else None) from None
    named = {cte.name for cte in walk(tree) if isinstance(cte, nodes.CTE)}
    # What has arguments is a table function.
    joins = [join.table for join in walk(tree) if isinstance(join, nodes.JoinExpr) and join.table_args is None]
    return {".".join(map(str, table.chain)) for table in joins if isinstance(table, nodes.Field)} - named


def in_order(reads: Mapping[str, Iterable[str]]) -> list[str]:
    """Names, each after those that it reads; raises `InvalidInput` with the way of a circle."""
    done: dict[str, bool] = {}
    ordered: list[str] = []
    for start in sorted(reads):
        stack = [(start, iter(sorted(set(reads[start]))))] if start not in done else []
        done.setdefault(start, False)
        while stack:
            name, rest = stack[-1]
            below = next((each for each in rest if each in reads and not done.get(each, False)), None)
            if below is None:
                stack.pop()
                done[name] = True
                ordered.append(name)
            elif below in done:
                way = [each for each, _ in stack]
                raise InvalidInput(f"Models read each other: {' → '.join([*way[way.index(below) :], below])}")
            else:
                done[below] = False
                stack.append((below, iter(sorted(set(reads[below])))))
    return ordered


def levels_of(reads: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How many steps lie at most between a name and what reads nothing among them."""
    found: dict[str, int] = {}
    for name in in_order(reads):
        found[name] = max((found[each] + 1 for each in reads[name] if each in found), default=0)
    return found
