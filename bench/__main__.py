"""`python -m bench [name …]` runs the benchmarks, all of them or those named."""

import argparse
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
    "sync",
    "changes",
    "jobs",
    "views",
    "dag",
    "increments",
    "materialized",
    "server",
)


LONG = ("soak", "peers")
"""Only by name: they take half an hour, or install other servers."""


def main() -> None:
    """Run each benchmark's `main()` in turn."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join((*NAMES, *LONG)))
    parser.add_argument("--minutes", type=float, help="how long soak goes on; 30 unless told")
    names = parser.parse_args().names
    unknown = [name for name in names if name not in (*NAMES, *LONG)]
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join((*NAMES, *LONG))}")
    for name in names or NAMES:
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
