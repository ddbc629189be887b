"""Aggregations kept as states: which can be, what makes the states, and what merges them."""

from dataclasses import dataclass

from hedgerow.language.query import functions
from hedgerow.language.query.materializing.reasons import NotExact
from hedgerow.language.query.materializing.shapes import Names
from hedgerow.language.syntax import nodes

_EXACT = frozenset({
    "count", "min", "max", "sum", "avg", "any", "anyLast", "argMin", "argMax", "stddevPop", "stddevSamp", "varPop",
    "varSamp", "skewPop", "skewSamp", "kurtPop", "kurtSamp", "covarPop", "covarSamp", "corr", "stddevPopStable",
    "stddevSampStable", "varPopStable", "varSampStable", "covarPopStable", "covarSampStable", "corrStable", "entropy",
    "sumWithOverflow", "sumKahan", "sumCount", "avgWeighted", "boundingRatio", "groupBitAnd", "groupBitOr",
    "groupBitXor", "uniq", "uniqExact", "uniqCombined", "uniqCombined64", "uniqHLL12", "median", "medianExact",
    "medianExactLow", "medianExactHigh", "medianTiming", "medianBFloat16", "medianDeterministic", "quantile",
    "quantiles", "quantileExact", "quantilesExact", "quantileExactLow", "quantileExactHigh", "quantileExactWeighted",
    "quantileTiming", "quantilesTiming", "quantileBFloat16", "quantileDeterministic", "quantileExactInclusive",
    "quantileExactExclusive", "quantilesExactInclusive", "quantilesExactExclusive", "quantileTDigest",
    "quantilesTDigest", "medianTDigest", "simpleLinearRegression", "windowFunnel", "retention", "maxIntersections",
    "maxIntersectionsPosition", "intervalLengthSum", "sequenceMatch", "sequenceCount",
})  # fmt: skip
"""By the engine's names: merging the states of parts gives what the whole gives, rounding of floats apart."""
APPROXIMATE = frozenset({"quantile", "quantiles", "median", "quantileTDigest", "quantilesTDigest", "medianTDigest"})
"""Estimates: materialized and inline differ within the estimate's own error."""
_ORDERED = frozenset({
    "groupArray", "groupArrayLast", "groupArraySample", "groupArrayMovingAvg", "groupArrayMovingSum",
    "groupArrayInsertAt", "groupConcat", "groupUniqArray", "groupArrayIntersect", "first_value", "last_value",
    "deltaSum", "exponentialMovingAverage", "anyHeavy", "topK", "topKWeighted", "approx_top_k", "approx_top_sum",
    "histogram", "largestTriangleThreeBuckets", "lttb", "stochasticLinearRegression", "singleValueOrNull",
})  # fmt: skip
"""Their answer depends on the order in which rows are read."""
_ORDER_LOST = frozenset({"arraysort", "arrayreversesort", "length", "arrayuniq", "arraysum", "arraymin", "arraymax",
                         "arrayavg", "empty", "notempty", "has", "hasany", "hasall"})  # fmt: skip
"""Functions of an array that give the same for each order of its items."""
_ARRAYS = frozenset({"groupArray", "groupUniqArray", "groupArrayIntersect"})
_COMBINATORS = ("If", "OrNull", "OrDefault", "Distinct", "Array")


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation as states: `call` makes one, `merge` merges them, over those where `condition` holds."""

    call: nodes.Call
    merge: str
    condition: nodes.Expr | None
    base: str


def split(call: nodes.Call, names: Names) -> Aggregation | None:
    """How an aggregation (with its aliases spread out) is kept as states; `None` when only its rows can be kept."""
    base, suffixes = _parts(call.name)
    if base not in _EXACT or call.order_by or call.within_group:
        return None
    args, name, condition = list(call.args), call.name, None
    if call.distinct:
        if suffixes or call.filter_expr is not None:
            return None
        # DISTINCT and NULL: `count(DISTINCT a, b)` is what `uniqExact(a, b)` counts.
        name = "uniqExact" if base == "count" else f"{name}Distinct"
    if call.filter_expr is not None:
        if "If" in suffixes:
            return None
        args, name = [*args, call.filter_expr], f"{name}If"
        suffixes = [*suffixes, "If"]
    if suffixes[-1:] == ["If"] and names.volatile(args[-1]):
        name, condition, args = name.removesuffix("If"), args[-1], args[:-1]
    if any(names.volatile(part) for part in (*args, *(call.params or []))):
        return None
    return Aggregation(nodes.Call(f"{name}State", args, call.params), f"{name}Merge", condition, base)


def check_order(call: nodes.Call, around: nodes.Node | None) -> None:
    """Raise `NotExact` for an aggregation that tells the order rows were read in; `around`: the call it stands in."""
    base, _ = _parts(call.name)
    if base not in _ORDERED or call.order_by:
        return
    if base in _ARRAYS and isinstance(around, nodes.Call) and around.name.lower() in _ORDER_LOST:
        return
    hint = " Wrap it in arraySort(…)." if base in _ARRAYS else ""
    text = f"The answer of {call.name} depends on the order in which rows are read, which a table does not keep.{hint}"
    raise NotExact("aggregate_depends_on_order", text, call)


def _parts(name: str) -> tuple[str, list[str]]:
    """The engine's name of the plain aggregation, and its combinators."""
    function = functions.find(name)
    rest, suffixes = (function.target if function else name), list[str]()
    while rest not in _EXACT and rest not in _ORDERED:
        suffix = next((each for each in _COMBINATORS if rest.endswith(each) and len(rest) > len(each)), None)
        if suffix is None:
            break
        suffixes.insert(0, suffix)
        rest = rest.removesuffix(suffix)
    return rest, suffixes
