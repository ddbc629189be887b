"""Identifiers: time-ordered UUIDs, random tokens, and labels that are cheap to make."""

import os
import random
import secrets
import time
from uuid import UUID

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_chance = random.Random()


def uuid7() -> UUID:
    """A version 7 UUID: unique, and ordered by its millisecond (RFC 9562)."""
    stamp = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (stamp << 80) | tail
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def uuid7_after(last: UUID | None) -> UUID:
    """A version 7 UUID that is ordered after `last`, also when the clock has been set back since."""
    made = uuid7()
    return made if last is None or made > last else UUID(int=last.int + 1)


def token(prefix: str, length: int = 43) -> str:
    """`prefix` and `length` random letters and digits (43 carry 256 bits)."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def label() -> str:
    """16 hexadecimal digits to tell log lines apart; not for secrets, as it could be guessed."""
    return f"{_chance.getrandbits(64):016x}"


def uuid_label() -> str:
    """The text of a version 4 UUID that could be guessed, at a tenth of the cost of one that could not."""
    bits = _chance.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
