"""Insight variables: named values that queries are parametrised with."""

from hedgerow.variables.shelf import Variable, Variables

__all__ = ["Variable", "Variables"]
