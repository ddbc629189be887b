"""Aggregates, their combinators, and window functions."""

from hedgerow.language.query.functions.table import Function, family

PLAIN = family(
    """
count:0-1 min:1 max:1 sum:1 avg:1 any:1 anyLast:1 any_value=any:1 first_value:1 last_value:1 anyHeavy:1 argMin:2 argMax:2
median:1 medianExact:1 medianTDigest:1 medianTiming:1 medianDeterministic:2 medianBFloat16:1 medianExactLow:1 medianExactHigh:1
stddevPop:1 stddevSamp:1 stddev=stddevSamp:1 std=stddevPop:1 varPop:1 varSamp:1 variance=varSamp:1 skewPop:1 skewSamp:1 kurtPop:1
kurtSamp:1 covarPop:2 covarSamp:2 corr:2 corrStable:2 stddevPopStable:1 stddevSampStable:1 varPopStable:1 varSampStable:1
covarPopStable:2 covarSampStable:2 entropy:1 sumWithOverflow:1 sumKahan:1 sumCount:1 avgWeighted:2
deltaSum:1 deltaSumTimestamp:2 boundingRatio:2 groupUniqArray:1@0-1 groupArray:1@0-1 array_agg=groupArray:1 groupArrayLast:1@1
groupArraySample:1@1-2 groupArrayMovingAvg:1@0-1 groupArrayMovingSum:1@0-1 groupArrayInsertAt:2@0-2
groupArraySorted:1@1 groupArrayIntersect:1 groupConcat:1-2@0-2 string_agg=groupConcat:1-2@0-2 groupBitAnd:1 groupBitOr:1
groupBitXor:1 groupBitmap:1 uniq:1-* uniqExact:1-* uniqCombined:1-*@0-1 uniqCombined64:1-*@0-1 uniqHLL12:1-*
countDistinct=uniqExact:1-* bool_and=min:1 bool_or=max:1 approx_count_distinct=uniq:1-* quantile:1@1 quantiles:1@1-* quantileExact:1@1 quantilesExact:1@1-*
quantileExactLow:1@1 quantileExactHigh:1@1 quantileExactWeighted:2@1 quantileTiming:1@1 quantilesTiming:1@1-* quantileTDigest:1@1
quantilesTDigest:1@1-* quantileTDigestWeighted:2@1 quantileDeterministic:2@1 quantileBFloat16:1@1 quantileGK:1@2
quantileInterpolatedWeighted:2@1 quantileExactInclusive:1@1 quantileExactExclusive:1@1 quantilesExactInclusive:1@1-*
simpleLinearRegression:2 stochasticLinearRegression:2-*@0-4 topK:1@0-3 topKWeighted:2@0-3 approx_top_k:1@0-2 approx_top_sum:2@0-2
mannWhitneyUTest:2@0-2 studentTTest:2@0-1 welchTTest:2@0-1 kolmogorovSmirnovTest:2@0-2 cramersV:2 cramersVBiasCorrected:2
theilsU:2 contingency:2 rankCorr:2 categoricalInformationValue:2-* meanZTest:2@3 intervalLengthSum:2 maxIntersections:2
maxIntersectionsPosition:2 exponentialMovingAverage:2@1 largestTriangleThreeBuckets:2@1 lttb:2@1
sparkbar:2@0-3 histogram:1@1 sequenceMatch:2-*@1 sequenceCount:2-*@1 windowFunnel:2-*@1-* retention:1-32
uniqUpTo:1@1 sumMapFiltered:2@1 sumMapFilteredWithOverflow:2@1 singleValueOrNull:1 analysisOfVariance:2
""",
    aggregate=True,
)
WINDOW_ONLY = family(
    """
row_number:0 rank:0 dense_rank:0 percent_rank:0 cume_dist:0 ntile:1 nth_value:2 lagInFrame:1-3 leadInFrame:1-3 lag:1-3 lead:1-3
denseRank=dense_rank:0 percentRank=percent_rank:0 nonNegativeDerivative:2-3 exponentialTimeDecayedSum:2@1 exponentialTimeDecayedAvg:2@1 exponentialTimeDecayedMax:2@1 exponentialTimeDecayedCount:1@1
""",
    window_only=True,
)
NULL_WITHOUT_NEIGHBOUR = frozenset({"lag", "lead", "lagInFrame", "leadInFrame", "nth_value"})
"""Window functions that look at another row: where there is none, they answer NULL and not the type's zero."""
_COMBINATORS = (
    "If",
    "Array",
    "OrNull",
    "OrDefault",
    "Distinct",
    "Merge",
    "MergeState",
    "State",
    "Map",
    "ForEach",
    "ArgMin",
    "ArgMax",
)
_EXTRA = {"If": 1, "ArgMin": 1, "ArgMax": 1}
NEVER_NULL = frozenset(
    {"count", "uniq", "uniqExact", "uniqCombined", "uniqCombined64", "uniqHLL12", "groupArray", "groupUniqArray"}
)


def combined(name: str) -> Function | None:
    """`sumIf`, `uniqMerge`, `avgOrNullIf`: an aggregate with at most three combinators; `None` when it is none."""
    suffixes: list[str] = []
    rest = name
    while rest not in PLAIN and len(suffixes) < 3:
        suffix = next((s for s in _COMBINATORS if rest.endswith(s) and len(rest) > len(s)), None)
        if suffix is None:
            return None
        suffixes.insert(0, suffix)
        rest = rest[: -len(suffix)]
    base = PLAIN.get(rest)
    if base is None or len(set(suffixes)) != len(suffixes):
        return None
    extra = sum(_EXTRA.get(suffix, 0) for suffix in suffixes)
    merged = any(suffix.startswith("Merge") for suffix in suffixes)
    least, most = (1, 1) if merged else (base.least, base.most)
    return Function(
        name,
        base.target + "".join(suffixes),
        least + extra,
        None if most is None else most + extra,
        aggregate=True,
        params=base.params,
        never_null=base.name in NEVER_NULL and "OrNull" not in suffixes,
    )
