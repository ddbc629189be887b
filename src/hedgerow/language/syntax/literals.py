"""Numbers as they are written."""

from collections.abc import Callable

from hedgerow.language.syntax.errors import SyntaxFault

_MAX_DIGITS = 400


def number(text: str, fault: Callable[[str], SyntaxFault]) -> int | float:
    """The value of decimal, hexadecimal, binary and floating texts; raises what `fault` makes."""
    lowered = text.lower()
    if len(lowered) > _MAX_DIGITS:
        raise fault(f"A number may have at most {_MAX_DIGITS} digits")
    try:
        return _value(lowered)
    except (ValueError, OverflowError):
        raise fault(f"{text} is not a number that can be read") from None


def _value(lowered: str) -> int | float:
    if lowered.startswith("0x"):
        return float.fromhex(lowered) if "p" in lowered else int(lowered, 16)
    if lowered.startswith("0b"):
        return int(lowered, 2)
    return int(lowered) if lowered.isdigit() else float(lowered)
