"""Resolve: every name becomes what it stands for, tables first, then columns; stars are spread out; views go in."""

import re
from dataclasses import dataclass

from hedgerow.language.query.catalog import Catalog, SavedJoin, ViewTable
from hedgerow.language.query.errors import CycleFault, QueryFault
from hedgerow.language.query.functions import TABLE_FUNCTIONS
from hedgerow.language.query.passes.resolve_expressions import ExpressionResolver
from hedgerow.language.query.print_hogql import column_name, filled, has_variables
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import ColumnRef, CteRef, FunctionRef, TableRef, VariableValue
from hedgerow.language.query.scope import Relation, Scope, SeenColumn
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_MAX_VIEWS = 1_000
_MAX_READS = 2_000
_MAX_PATTERN = 200
_FUNCTION_COLUMNS = {"numbers": "number", "zeros": "zero", "generateSeries": "generate_series"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved tree: its output columns, the tables it reads, the variables whose value became a name.

    `direct`: the tables it names itself, without those that its views read.
    """

    tree: nodes.AnySelect
    relation: Relation
    tables: tuple[str, ...]
    inlined: frozenset[str]
    direct: tuple[str, ...]


def resolve(tree: nodes.AnySelect, catalog: Catalog) -> Resolved:
    """The tree with all names resolved (it is changed)."""
    resolver = Resolver(catalog)
    relation = resolver.select_set(tree, None, outermost=True)
    tables, direct = tuple(sorted(resolver.tables)), tuple(sorted(resolver.direct))
    return Resolved(tree, relation, tables, frozenset(resolver.inlined), direct)


class Resolver(ExpressionResolver):
    """Walks one query. `tables` gathers the catalog's tables it reads, views among them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.tables: set[str] = set()
        self.direct: set[str] = set()
        self.inlined: set[str] = set()
        self._views: list[str] = []
        self._view_count = 0
        self._reads = 0
        self._unnamed = 0
        self._last_ctes: dict[int, dict[str, Relation]] = {}

    def select_set(self, tree: nodes.Expr, parent: Scope | None, *, outermost: bool = False) -> Relation:
        """The columns a query answers with."""
        if isinstance(tree, nodes.SelectQuery):
            return self._select(tree, parent, outermost)
        if not isinstance(tree, nodes.SelectSetQuery):
            raise QueryFault("A SELECT is needed here", tree)
        relation = self.select_set(tree.initial_select_query, parent)
        # The names of common table expressions of the first SELECT hold for those after it, too.
        shared = Scope(parent)
        self._share_ctes(tree.initial_select_query, shared)
        for following in tree.subsequent_select_queries:
            self.select_set(following.select_query, shared)
        outputs = Scope(None, {"": relation}, {name: (c.type, True) for name, c in relation.columns.items()})
        for order in tree.order_by or []:
            order.expr = self.expression(order.expr, outputs)
        return relation

    def _share_ctes(self, first: nodes.Expr, shared: Scope) -> None:
        while isinstance(first, nodes.SelectSetQuery):
            first = first.initial_select_query
        shared.ctes = self._last_ctes.get(id(first), {})

    def _select(self, select: nodes.SelectQuery, parent: Scope | None, outermost: bool) -> Relation:
        scope = Scope(parent, windows=frozenset(select.window_exprs or ()))
        self._ctes(select, scope)
        self._last_ctes[id(select)] = scope.ctes
        if select.select_from is not None:
            self._from(select.select_from, scope)
        if select.array_join_list:
            select.array_join_list = self.expressions(select.array_join_list, scope)
        relation = self._columns(select, scope, outermost)
        for clause in ("prewhere", "where", "having", "qualify", "limit", "offset"):
            if (expr := getattr(select, clause)) is not None:
                with scope.of_rows(clause in {"prewhere", "where"}):
                    setattr(select, clause, self.expression(expr, scope))
        for window in (select.window_exprs or {}).values():
            self.window(window, scope)
        with scope.of_rows(True):
            select.group_by = self.expressions(select.group_by, scope) if select.group_by else None
        for order in select.order_by or []:
            self.order(order, scope)
        for interpolated in select.interpolate or []:
            interpolated.expr = self.expression(interpolated.expr, scope)
            interpolated.value = self.expression(interpolated.value, scope) if interpolated.value else None
        if select.limit_by is not None:
            select.limit_by.exprs = self.expressions(select.limit_by.exprs, scope)
        last = select.select_from
        for join, _ in scope.walked.values():
            while last is not None and last.next_join is not None:
                last = last.next_join
            assert last is not None
            last.next_join = join
        return relation

    # --- common table expressions

    def _ctes(self, select: nodes.SelectQuery, scope: Scope) -> None:
        for name, cte in (select.ctes or {}).items():
            self.check_name(name, cte)
            if cte.using_key is not None:
                raise QueryFault("USING KEY is not supported", cte)
            if cte.cte_type == "column":
                cte.expr = self.expression(cte.expr, scope)
                scope.aliases[name] = self.typed(cte.expr)
                continue
            if cte.columns:
                _rename(cte.expr, cte.columns, cte)
            if cte.recursive:
                scope.ctes[name] = Relation({}, open=True)
            before = self._reads
            scope.ctes[name] = self.select_set(cte.expr, scope)
            scope.ctes[name].reads = self._reads - before

    # --- tables

    def _from(self, first: nodes.JoinExpr, scope: Scope) -> None:
        join: nodes.JoinExpr | None = first
        while join is not None:
            self._join(join, scope)
            join = join.next_join

    def _join(self, join: nodes.JoinExpr, scope: Scope) -> None:
        if join.sample is not None:
            raise QueryFault("SAMPLE is not supported: tables here have no sampling key", join)
        if join.table_final:
            raise QueryFault("FINAL is not supported", join)
        if join.join_type == "POSITIONAL JOIN":
            raise QueryFault("POSITIONAL JOIN is not supported", join)
        default, relation = self._table(join, scope)
        name = join.alias or default
        self.check_name(name, join)
        if name in scope.sources:
            raise QueryFault(f'Already have joined a table called "{name}". Can\'t redefine.', join)
        kept = set((join.join_type or "").split())
        if kept & {"RIGHT", "FULL"}:
            scope.sources = {known: found.maybe_absent() for known, found in scope.sources.items()}
        scope.sources[name] = relation.maybe_absent() if kept & {"LEFT", "FULL"} else relation
        join.alias = name
        if join.constraint is not None:
            self._constraint(join.constraint, scope)

    def walk_join(self, source: str, relation: Relation, join: SavedJoin, scope: Scope) -> tuple[str, Relation]:
        """The alias and columns of a saved join's table; the SELECT gets a LEFT JOIN for it, once."""
        # No name of a query's own may hold a "%", so that none can be taken for this one.
        alias = f"{source}%{join.field_name}"
        if alias not in scope.walked:
            made = nodes.JoinExpr(nodes.Field([join.joined_table]), alias=alias, join_type="LEFT JOIN")
            joined = self._named_table(join.joined_table, made, Scope(), own=True)
            keys: list[nodes.Expr] = []
            for name, side, columns in ((source, join.source_key, relation), (alias, join.joined_key, joined)):
                if (column := columns.columns.get(side)) is None:
                    raise QueryFault(f"Field not found: {side}, by which {join.field_name} is joined")
                keys.append(ColumnRef(name, column.physical, column.type, column.origin))
            made.constraint = nodes.JoinConstraint(nodes.CompareOperation("==", keys[0], keys[1]), "ON")
            scope.walked[alias] = made, joined.maybe_absent()
        return alias, scope.walked[alias][1]

    def _constraint(self, constraint: nodes.JoinConstraint, scope: Scope) -> None:
        if constraint.constraint_type == "ON":
            constraint.expr = self.expression(constraint.expr, scope)
            if scope.walked:
                raise QueryFault("A saved join cannot be walked in the ON of another join", constraint)
            return
        exprs = constraint.expr.exprs if isinstance(constraint.expr, nodes.Tuple) else [constraint.expr]
        for expr in exprs:
            if not isinstance(expr, nodes.Field) or len(expr.chain) != 1:
                raise QueryFault("USING takes the names of columns", expr)
            name = str(expr.chain[0])
            if len(list(scope.holders(name))) < 2 and not any(r.open for r in scope.sources.values()):
                raise QueryFault(f"Field not found: {name}", expr)
            scope.using.add(name)

    def _table(self, join: nodes.JoinExpr, scope: Scope) -> tuple[str, Relation]:
        """What a table is called unless it has an alias, and its columns; `join.table` becomes what it stands for."""
        table = join.table
        if isinstance(table, nodes.ValuesQuery):
            table = join.table = _values(table)
        if isinstance(table, nodes.SelectQuery | nodes.SelectSetQuery):
            if join.column_aliases:
                _rename(table, join.column_aliases, join)
            self._unnamed += 1
            return f"_subquery_{self._unnamed}", self.select_set(table, scope)
        if join.column_aliases:
            raise QueryFault("Only a sub-query's columns can be renamed here", join)
        if not isinstance(table, nodes.Field):
            raise QueryFault("This cannot be selected from", table or join)
        name = ".".join(map(str, table.chain))
        if join.table_args is not None:
            return name, self._table_function(name, join, scope)
        return name, self._named_table(name, join, scope)

    def _named_table(self, name: str, join: nodes.JoinExpr, scope: Scope, *, own: bool = False) -> Relation:
        """`own`: of two of one name, the project's own is meant, as it is within its views."""
        if (cte := scope.find_cte(name)) is not None:
            self._read(1 + cte.reads, join)
            join.table = CteRef(name, span=join.table.span if join.table else None)
            return cte
        found = self._catalog.find(name, own=own or bool(self._views))
        if found is None:
            raise QueryFault(f"Unknown table `{name}`.", join.table)
        self.tables.add(name)
        if not self._views:
            self.direct.add(name)
        self._read(1, join)
        if isinstance(found.backing, ViewTable):
            relation = self._view(name, found.backing, join)
            return Relation(relation.columns, found, relation.open) if found.joins else relation
        join.table = TableRef(found, span=join.table.span if join.table else None)
        columns = {
            column.name: SeenColumn(column.physical or column.name, column.type, ((name, column.name),), column.hidden)
            for column in found.columns
        }
        return Relation(columns, found)

    def _read(self, times: int, join: nodes.JoinExpr) -> None:
        """Count what the engine will read: it spreads out each use of a common table expression before it can stop."""
        self._reads += times
        if self._reads > _MAX_READS:
            raise QueryFault(f"The query reads tables more than {_MAX_READS} times, by names given in WITH", join.table)

    def _view(self, name: str, view: ViewTable, join: nodes.JoinExpr) -> Relation:
        if name in self._views:
            path = " → ".join([*self._views[self._views.index(name) :], name])
            raise CycleFault(f"The view {name} reads itself: {path}", path, join.table)
        self._view_count += 1
        if self._view_count > _MAX_VIEWS:
            raise QueryFault(
                f"The query reads views more than {_MAX_VIEWS} times: materialize some of them", join.table
            )
        self._views.append(name)
        tree = rebuild(view.tree, lambda _node: None)
        relation = self.select_set(tree, None)
        self._views.pop()
        join.table = tree
        return relation

    def _table_function(self, name: str, join: nodes.JoinExpr, scope: Scope) -> Relation:
        arity = TABLE_FUNCTIONS.get(name)
        if arity is None:
            raise QueryFault(f"Unknown table function `{name}`.", join.table)
        args = self.expressions(join.table_args or [], scope)
        if not arity[0] <= len(args) <= arity[1]:
            raise QueryFault(
                f"Table function '{name}' expects {arity[0]} to {arity[1]} arguments, found {len(args)}", join
            )
        if not all(isinstance(arg, nodes.Constant) and isinstance(arg.value, int) for arg in args):
            raise QueryFault(f"Table function '{name}' takes whole numbers", join)
        join.table, join.table_args = FunctionRef(name, args), None
        column = _FUNCTION_COLUMNS.get(name, "generate_series")
        return Relation({column: SeenColumn(column, "UInt64")})

    # --- the select list

    def _columns(self, select: nodes.SelectQuery, scope: Scope, outermost: bool) -> Relation:
        relation = Relation({})
        made: list[nodes.Expr] = []
        for item in select.select:
            for expr in self._spread(item, scope):
                name = expr.alias if isinstance(expr, nodes.Alias) else column_name(expr)
                name = self._settled(name, expr)
                resolved = self.expression(expr, scope)
                starred = expr is not item
                if starred and name in relation.columns and not outermost:
                    continue
                kind, _ = self.typed(resolved)
                origin = self.origins(resolved)
                key = name
                if name in relation.columns:
                    # A second column of a name can be answered, not referred to: no name ends in a blank and a number.
                    key = f"{name} {len(made) + 1}"
                if not outermost:
                    plain = resolved.expr if isinstance(resolved, nodes.Alias) else resolved
                    resolved = nodes.Alias(key, plain, hidden=not isinstance(resolved, nodes.Alias))
                made.append(resolved)
                relation.columns[key] = SeenColumn(name if outermost else key, kind, origin, shown=name)
        select.select = made
        return relation

    def _settled(self, name: str, expr: nodes.Expr) -> str:
        """A column's name with the variables' values in it: such a query is compiled anew for other values."""
        if not has_variables(name):
            return name
        values = {node.variable: node.value for node in walk(expr) if isinstance(node, VariableValue)}
        self.inlined |= values.keys()
        return filled(name, values)

    def _spread(self, item: nodes.Expr, scope: Scope) -> list[nodes.Expr]:
        """`*`, `t.*` and COLUMNS as the columns they stand for; anything else as itself."""
        if isinstance(item, nodes.ColumnsExpr):
            return self._chosen(item, scope)
        if not isinstance(item, nodes.Field) or item.chain[-1] != "*":
            return [item]
        return list(self._starred(item, scope))

    def _starred(self, item: nodes.Field, scope: Scope) -> list[nodes.Expr]:
        source = ".".join(map(str, item.chain[:-1]))
        if source and source not in scope.sources:
            raise QueryFault(f"Unable to resolve field: {source}", item)
        if not scope.sources:
            raise QueryFault("Cannot use '*' when there are no FROM expressions", item)
        found: list[nodes.Expr] = []
        joined: set[str] = set()
        for name, relation in scope.sources.items():
            if source and name != source:
                continue
            for visible, column in relation.columns.items():
                if column.hidden or (visible in scope.using and visible in joined):
                    continue
                joined.add(visible)
                shown = column.shown or (visible if relation.table is not None else column.physical)
                found.append(ColumnRef(name, column.physical, column.type, column.origin, shown, span=item.span))
        return found

    def _chosen(self, item: nodes.ColumnsExpr, scope: Scope) -> list[nodes.Expr]:
        if item.columns is not None:
            return item.columns
        every = self._starred(nodes.Field(["*"], span=item.span), scope)
        if item.all_columns:
            return [column for column in every if column_name(column) not in set(item.exclude or ())]
        pattern = item.regex or ""
        # A group may be repeated without end: names are matched in this process, so groups are refused.
        if len(pattern) > _MAX_PATTERN or "(" in pattern:
            raise QueryFault("The pattern of COLUMNS may have no groups and at most 200 characters", item)
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise QueryFault(f"The pattern of COLUMNS is not a regular expression: {error}", item) from error
        return [column for column in every if compiled.search(column_name(column))]


def _rename(tree: nodes.Expr, names: list[str], node: nodes.Node) -> None:
    """Give a sub-query's columns other names."""
    while isinstance(tree, nodes.SelectSetQuery):
        tree = tree.initial_select_query
    if not isinstance(tree, nodes.SelectQuery) or len(tree.select) != len(names):
        raise QueryFault("There must be as many names as columns", node)
    plain = [item.expr if isinstance(item, nodes.Alias) else item for item in tree.select]
    tree.select = [nodes.Alias(name, expr) for name, expr in zip(names, plain, strict=True)]


def _values(values: nodes.ValuesQuery) -> nodes.SelectQuery | nodes.SelectSetQuery:
    """`VALUES (1, 2), (3, 4)` as a UNION ALL of SELECTs."""
    width = len(values.rows[0])
    if any(len(row) != width for row in values.rows):
        raise QueryFault("All rows of VALUES must have the same length", values)
    selects = [nodes.SelectQuery([nodes.Alias(f"col{i}", v) for i, v in enumerate(row)]) for row in values.rows]
    following = [nodes.SelectSetNode("UNION ALL", select) for select in selects[1:]]
    return nodes.SelectSetQuery(selects[0], following) if following else selects[0]
