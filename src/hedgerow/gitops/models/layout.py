"""Places the nodes of a layered graph: few crossings, short and straight edges, no overlaps."""

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

Apart = Callable[[str, str], float]
_SWEEPS = 12
_SETTLING = 24


@dataclass(frozen=True, slots=True)
class Layout:
    """Heights of nodes by name, and for each edge `(from, to)` the heights it passes at the levels between."""

    heights: Mapping[str, float]
    bends: Mapping[tuple[str, str], Sequence[float]]


def place(levels: Mapping[str, int], reads: Mapping[str, Sequence[str]], gap: float, thin: float) -> Layout:
    """Nodes of one level are `gap` apart; edges that pass a level keep `thin` around them."""
    chains: dict[tuple[str, str], list[str]] = {}
    columns: list[list[str]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for name in sorted(levels):
        columns[levels[name]].append(name)
    links: list[tuple[str, str]] = []
    for child, above in reads.items():
        for parent in above:
            passing = [f"{parent}\0{child}\0{level}" for level in range(levels[parent] + 1, levels[child])]
            for level, dummy in enumerate(passing, levels[parent] + 1):
                columns[level].append(dummy)
            chains[parent, child] = passing
            way = [parent, *passing, child]
            links += pairwise(way)
    left: dict[str, list[str]] = {name: [] for column in columns for name in column}
    right: dict[str, list[str]] = {name: [] for name in left}
    for one, other in links:
        left[other].append(one)
        right[one].append(other)
    _sort(columns, left, right)
    heights = _settle(columns, left, right, gap, thin)
    return Layout(
        {name: heights[name] for name in levels},
        {edge: [heights[dummy] for dummy in passing] for edge, passing in chains.items()},
    )


def _sort(columns: list[list[str]], left: Mapping[str, list[str]], right: Mapping[str, list[str]]) -> None:
    """Order each level by where its neighbours stand, back and forth; the best order that was seen stays."""
    best, fewest = [list(column) for column in columns], _crossings(columns, right)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            places = {name: place for each in columns for place, name in enumerate(each)}
            near = left if forward else right
            column.sort(key=lambda name: mean([places[n] for n in near[name]] or [places[name]]))
        crossings = _crossings(columns, right)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best


def _crossings(columns: Sequence[Sequence[str]], right: Mapping[str, list[str]]) -> int:
    count = 0
    for column, following in pairwise(columns):
        places = {name: place for place, name in enumerate(following)}
        seen: list[int] = []
        for name in column:
            ends = [places[n] for n in right[name]]
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _settle(
    columns: Sequence[Sequence[str]],
    left: Mapping[str, list[str]],
    right: Mapping[str, list[str]],
    gap: float,
    thin: float,
) -> dict[str, float]:
    """Draw every node to its neighbours' middle, again and again, and push apart what comes too close."""

    def apart(one: str, other: str) -> float:
        bends = ("\0" in one) + ("\0" in other)
        return (gap, (gap + thin) / 2, thin)[bends]

    heights: dict[str, float] = {}
    for column in columns:
        height = 0.0
        for place_, name in enumerate(column):
            height += apart(column[place_ - 1], name) if place_ else 0.0
            heights[name] = height
    for turn in range(_SETTLING):
        near = (left, right)[turn % 2]
        for column in columns if turn % 2 == 0 else reversed(columns):
            wanted = [mean([heights[n] for n in near[name]] or [heights[name]]) for name in column]
            _spread(column, wanted, heights, apart)
    lowest = min(heights.values(), default=0.0)
    return {name: height - lowest for name, height in heights.items()}


def _spread(column: Sequence[str], wanted: Sequence[float], heights: dict[str, float], apart: Apart) -> None:
    """The heights nearest to those wanted that keep order and distance: neighbours that meet form blocks."""
    blocks: list[tuple[float, int]] = []  # the sum of the starts wished for, and of how many
    offset = 0.0
    for place_, name in enumerate(column):
        offset += apart(column[place_ - 1], name) if place_ else 0.0
        total, count = wanted[place_] - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    offset = 0.0
    for place_, name in enumerate(column):
        offset += apart(column[place_ - 1], name) if place_ else 0.0
        heights[name] = starts[place_] + offset
