"""How the keys that come are spread over the table: side by side, as those of new rows are, or everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_GRANULE = 8_192  # so many rows the engine's index tells apart
_MOST_ROWS = 5_000_000  # going through more takes longer than a look that may spare most of them


@dataclass(slots=True)
class Spread:
    """The keys so far. `lowest` and `highest` are of keys that are one whole number, others have none."""

    rows: int = 0
    lowest: int | None = None
    highest: int | None = None

    def take(self, keys: Sequence[pa.Array]) -> None:
        """Count the keys of a batch, a column each."""
        if not len(keys[0]):
            return
        self.rows += len(keys[0])
        if len(keys) == 1 and pa.types.is_integer(keys[0].type):
            found = pc.min_max(keys[0]).as_py()
            if found["min"] is not None:
                self.lowest = found["min"] if self.lowest is None else min(self.lowest, found["min"])
                self.highest = found["max"] if self.highest is None else max(self.highest, found["max"])

    def everywhere(self, table_rows: int | None) -> bool:
        """Whether a table of so many rows is likely to have some of them wherever one looks, and is not large.

        Whole numbers count up, as a rule: keys that lie closer to each other than the table is long lie together.
        """
        if table_rows is None or table_rows > _MOST_ROWS or self.rows * _GRANULE < 2 * table_rows:
            return False
        return self.lowest is None or self.highest is None or self.highest - self.lowest >= table_rows // 2
