"""Identifiers: their shapes, and that they differ."""

import re
import time
from uuid import UUID

import pytest

from hedgerow.kit.ids import label, token, uuid7, uuid7_after, uuid_label


def test_labels_are_16_hexadecimal_digits() -> None:
    made = [label() for _ in range(1000)]
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in made)
    assert len(set(made)) == 1000


def test_uuid_labels_are_uuids_of_version_4_in_their_usual_text() -> None:
    made = [uuid_label() for _ in range(1000)]
    assert all(str(UUID(each)) == each and UUID(each).version == 4 for each in made)
    assert all(UUID(each).variant == "specified in RFC 4122" for each in made)
    assert len(set(made)) == 1000


def test_time_ordered_ids_and_tokens() -> None:
    first = uuid7()
    assert first.version == 7
    assert len({uuid7() for _ in range(1000)}) == 1000
    assert re.fullmatch("phx_[A-Za-z0-9]{43}", token("phx_"))


def test_an_id_follows_the_last_one_also_when_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    last, real = uuid7_after(None), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 10**15)
    assert uuid7() < last
    for _ in range(1_000):
        made = uuid7_after(last)
        assert made > last
        assert made.version == 7
        last = made
