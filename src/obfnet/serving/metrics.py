"""What Prometheus may ask: counts, times and sizes by model, nothing of any one request."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from obfnet.serving.repository import Repository

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_ROWS = tuple(2**power for power in range(11))


class Metrics:
    """One server's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "serving_requests", "Requests answered.", ["model", "status"], registry=registry
        )
        self._seconds = Histogram(
            "serving_request_seconds",
            "From a request's head to the end of its answer.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rows = Histogram(
            "serving_batch_rows",
            "Rows that ran together.",
            ["model"],
            buckets=_ROWS,
            registry=registry,
        )
        self._waiting = Gauge(
            "serving_waiting", "Requests that wait for a model.", ["model"], registry=registry
        )
        version = ["model", "version"]
        self._served = Gauge("serving_version", "Versions served.", version, registry=registry)
        self._refused = Gauge(
            "serving_refused",
            "Versions whose file could not be loaded.",
            version,
            registry=registry,
        )

        # What is told of every request; looking a label up again costs more than counting.
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def note(self, model: str, status: int, seconds: float) -> None:
        """Count one request."""
        found = self._children.get((model, status))
        if found is None:
            found = self._requests.labels(model, status), self._seconds.labels(model)
            self._children[model, status] = found
        count, took = found
        count.inc()
        took.observe(seconds)

    def text(self, repository: Repository) -> bytes:
        """All of it as Prometheus reads it."""
        for gauge in (self._waiting, self._served, self._refused):
            gauge.clear()
        for batcher in repository:
            name = batcher.model.name
            self._waiting.labels(name).inc(batcher.waiting)
            self._served.labels(name, batcher.model.version).set(1)
        for name, version in repository.refused:
            self._refused.labels(name, version).set(1)
        return generate_latest(self.registry)
