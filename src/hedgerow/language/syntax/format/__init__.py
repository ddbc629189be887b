"""Trees to HogQL and Hog text that parses to the same tree."""

from hedgerow.language.syntax.format.statements import format_tree

__all__ = ["format_tree"]
