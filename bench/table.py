"""One way to print measurements: a name, our figure, the floor's or peer's, their ratio and the goal."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One line: `ours` and `floor` in `unit`, and what was to be reached, in words."""

    name: str
    ours: float
    floor: float
    unit: str
    goal: str
    met: bool | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.floor if self.floor else float("nan")


def show(title: str, lines: Sequence[Measured]) -> None:
    """Print a table."""
    print(f"\n{title}\n{'-' * len(title)}")
    head = f"{'what':58} {'ours':>12} {'floor/peer':>12} {'ratio':>7}  goal"
    print(head)
    for line in lines:
        mark = {True: "met", False: "MISSED", None: ""}[line.met]
        print(
            f"{line.name:58} {line.ours:>9.2f} {line.unit:<2} {line.floor:>9.2f} {line.unit:<2} "
            f"{line.ratio:>7.2f}  {line.goal} {mark}"
        )
