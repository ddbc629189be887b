"""Prometheus metrics of one application: its requests by route, and the process."""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class _Watched(Collector):
    def __init__(self, name: str, text: str, value: Callable[[], float], counts: bool) -> None:
        self._name, self._text, self._value = name, text, value
        self._kind = CounterMetricFamily if counts else GaugeMetricFamily

    def collect(self) -> Iterable[Metric]:
        yield self._kind(self._name, self._text, value=self._value())


class Metrics:
    """A registry of its own, so that several applications may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self._requests = Counter("hedgerow_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "hedgerow_http_request_seconds",
            "From a request's arrival to the end of its answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._running = Gauge("hedgerow_http_requests_running", "Requests being answered.", registry=self.registry)
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    def began(self) -> None:
        """A request came."""
        self._running.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the template, never the path itself."""
        self._running.dec()
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._counters[method, route, status] = self._requests.labels(method, route, str(status))
        counter.inc()
        timer = self._timers.get((method, route))
        if timer is None:
            timer = self._timers[method, route] = self._seconds.labels(method, route)
        timer.observe(seconds)

    def watch(self, name: str, text: str, value: Callable[[], float], *, counts: bool = False) -> None:
        """A figure that is asked of `value` each time it is read; `counts` when it only ever grows."""
        self.registry.register(_Watched(name, text, value, counts))

    def page(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)
