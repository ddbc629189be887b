"""Prometheus metrics of one application: its requests by route, and the process."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper ends of the time's buckets, seconds."""
_BOUND_LABELS = (*map(str, _BOUNDS), "+Inf")


class _Watched(Collector):
    def __init__(self, name: str, text: str, value: Callable[[], float], counts: bool) -> None:
        self._name, self._text, self._value = name, text, value
        self._kind = CounterMetricFamily if counts else GaugeMetricFamily

    def collect(self) -> Iterable[Metric]:
        yield self._kind(self._name, self._text, value=self._value())


@dataclass(slots=True)
class _Timed:
    """Of one method and route: the total of seconds, and how many ended in each bucket, the last without bound."""

    total: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))


class _Requests(Collector):
    """Requests, counted in plain numbers on the event loop: the client library's locks cost 5 µs a request."""

    def __init__(self) -> None:
        self.running = 0
        self._counts: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], _Timed] = {}

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self.running -= 1
        key = method, route, status
        self._counts[key] = self._counts.get(key, 0) + 1
        timed = self._times.get((method, route))
        if timed is None:
            timed = self._times[method, route] = _Timed()
        timed.total += seconds
        timed.buckets[bisect_left(_BOUNDS, seconds)] += 1

    def collect(self) -> Iterable[Metric]:
        answered = CounterMetricFamily(
            "hedgerow_http_requests", "Requests answered.", labels=("method", "route", "status")
        )
        # Copies: the page may be made in a thread while requests end.
        for (method, route, status), count in list(self._counts.items()):
            answered.add_metric((method, route, str(status)), count)
        yield answered
        seconds = HistogramMetricFamily(
            "hedgerow_http_request_seconds",
            "From a request's arrival to the end of its answer.",
            labels=("method", "route"),
        )
        for (method, route), timed in list(self._times.items()):
            counted = zip(_BOUND_LABELS, accumulate(timed.buckets), strict=True)
            seconds.add_metric((method, route), [(bound, float(count)) for bound, count in counted], timed.total)
        yield seconds
        yield GaugeMetricFamily("hedgerow_http_requests_running", "Requests being answered.", value=self.running)


class Metrics:
    """A registry of its own, so that several applications may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = _Requests()
        self.registry.register(self._requests)

    def began(self) -> None:
        """A request came."""
        self._requests.running += 1

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the template, never the path itself."""
        self._requests.ended(method, route, status, seconds)

    def watch(self, name: str, text: str, value: Callable[[], float], *, counts: bool = False) -> None:
        """A figure that is asked of `value` each time it is read; `counts` when it only ever grows."""
        self.registry.register(_Watched(name, text, value, counts))

    def page(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)
