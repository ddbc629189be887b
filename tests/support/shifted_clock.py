"""`hedgerow` with a wall clock that tests set: `python -m tests.support.shifted_clock FILE ARGUMENT…`.

The clock is ahead by as many seconds as FILE says at that moment (behind, when negative). Steady clocks go on.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from hedgerow.kit import clock


def main() -> None:
    file, true_time, true_ns = Path(sys.argv[1]), time.time, time.time_ns

    def ahead() -> float:
        return float(file.read_text() or 0)

    # Before anybody has imported them.
    clock.now = lambda: datetime.fromtimestamp(true_time() + ahead(), UTC)
    time.time = lambda: true_time() + ahead()
    time.time_ns = lambda: true_ns() + int(ahead() * 1e9)
    sys.argv = ["hedgerow", *sys.argv[2:]]
    from hedgerow.cli import main as hedgerow

    hedgerow()


if __name__ == "__main__":
    main()
