"""Identifiers: time-ordered UUIDs and random tokens."""

import os
import secrets
import time
from uuid import UUID

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def uuid7() -> UUID:
    """A version 7 UUID: unique, and ordered by its millisecond (RFC 9562)."""
    stamp = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (stamp << 80) | tail
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def token(prefix: str, length: int = 43) -> str:
    """`prefix` and `length` random letters and digits (43 carry 256 bits)."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
