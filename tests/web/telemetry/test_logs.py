"""Logs: one JSON line an event, with the request's id and without anybody's values."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from hedgerow.web.telemetry import logs


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    logs.configure("info", "console")


def test_event_is_one_json_line_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    token = logs.request_id.set("id-1")
    structlog.get_logger("fresh").info("done\nnot two lines", rows=3, odd=object)
    logs.request_id.reset(token)
    structlog.get_logger("fresh").debug("too fine")
    (line,) = lines(capsys)
    assert line["event"] == "done\nnot two lines"
    assert (line["rows"], line["request_id"], line["level"]) == (3, "id-1", "info")
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_line_that_finds_no_room_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w", buffering=1)  # noqa: SIM115 - closing it fails, too
    monkeypatch.setattr("sys.stderr", full)
    for log_format in ("json", "console"):
        logs.configure("info", log_format)  # type: ignore[arg-type]
        structlog.get_logger("fresh").info("done")
        logging.getLogger("some.library").warning("worth knowing")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_traceback_has_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        secret = "phx_" + "hidden"
        raise RuntimeError(f"length {len(secret)}")

    for log_format in ("json", "console"):
        logs.configure("info", log_format)  # type: ignore[arg-type]
        try:
            fail()
        except RuntimeError:
            structlog.get_logger("fresh").exception("bug")
        text = capsys.readouterr().err
        assert "RuntimeError" in text
        assert "length 10" in text
        assert "phx_hidden" not in text


def test_libraries_speak_the_same_way_and_little(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("worth knowing: %s", 5)
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("worth knowing: 5", "warning", "some.library")
