"""Rates such as `480/minute`, and what is counted by them."""

import re
from dataclasses import dataclass, field

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"\s*([1-9][0-9]{0,9})\s*/\s*(s|m|h|d|sec|second|min|minute|hour|day)s?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """`480/minute`; an empty text is `None`, no limit. Raises `ValueError` for anything else."""
        if not text.strip():
            return None
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a rate: write a number, a slash and second, minute, hour or day")
        return cls(int(match[1]), _SECONDS[match[2][0].lower()])


@dataclass(frozen=True, slots=True)
class Charge:
    """One count: `name` is the rate's in headers, `key` what is counted."""

    name: str
    rate: Rate
    key: str
    policy: str = field(init=False)
    """As `RateLimit-Policy` has it; written once, for it is sent with every answer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "policy", f'"{self.name}";q={self.rate.count};w={self.rate.seconds}')
