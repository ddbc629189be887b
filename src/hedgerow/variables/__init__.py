"""Insight variables: named values that queries are parametrised with."""

from hedgerow.variables.shelf import Variable, Variables
from hedgerow.variables.types import ANY, TYPES, Type

__all__ = ["ANY", "TYPES", "Type", "Variable", "Variables"]
