"""The demo: real flight data, loaded and published through the public API of a server of its own."""

from hedgerow.demo.run import run

__all__ = ["run"]
