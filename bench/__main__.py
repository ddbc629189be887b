"""`python -m bench [name …]` runs the benchmarks, all of them or those named."""

import sys
from importlib import import_module

NAMES = (
    "parse",
    "compile",
    "engine",
    "http",
    "gate",
    "run",
    "cached",
    "upload",
    "jobs",
    "views",
    "dag",
    "materialized",
    "server",
)


def main() -> None:
    """Run each benchmark's `main()` in turn."""
    unknown = [name for name in sys.argv[1:] if name not in NAMES]
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in sys.argv[1:] or NAMES:
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
