"""Metrics for Prometheus. Labels hold only words of ours or of the settings: methods, routes, states, kinds
of source, names of probes."""

from datetime import timedelta

from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tocsin.engine.engine import Engine
from tocsin.engine.records import OutboxStatus
from tocsin.incident.state import State

OUTBOX_COUNTED_MAX = 10_000
"""Beyond this the gauge stands still; a queue that long is alarm enough."""


class Metrics:
    """What was counted since the start, and what the store holds at the time of asking."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tocsin_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tocsin_http_request_seconds",
            "How long answers took to begin.",
            ["route"],
            registry=self._registry,
        )
        self._alerts = Counter(
            "tocsin_intake_alerts",
            "Alerts by what became of them.",
            ["source", "result"],
            registry=self._registry,
        )
        self._incidents = Gauge("tocsin_incidents", "Incidents by state.", ["state"], registry=self._registry)
        self._outbox = Gauge(
            "tocsin_outbox", "What has to leave, by status.", ["status"], registry=self._registry
        )
        self._streams = Gauge(
            "tocsin_streams", "Timelines and lists that are followed.", registry=self._registry
        )
        self._ready = Gauge("tocsin_ready", "Whether the store can be used.", registry=self._registry)
        self._heartbeats = Gauge(
            "tocsin_heartbeats", "Heartbeats by state.", ["state"], registry=self._registry
        )
        self._probe_up = Gauge(
            "tocsin_probe_up",
            "Whether the last look of a probe was fine.",
            ["probe"],
            registry=self._registry,
        )
        self._probe_seconds = Gauge(
            "tocsin_probe_seconds", "How long the last look took.", ["probe"], registry=self._registry
        )
        self._troubles = Gauge("tocsin_troubles", "Troubles that the pages show.", registry=self._registry)

    def answered(self, method: str, route: str, status: int, took: timedelta) -> None:
        """Count an answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(max(took.total_seconds(), 0.0))

    def took(self, source: str, *, kept: int, refused: int) -> None:
        """Count alerts of a known source."""
        self._alerts.labels(source, "kept").inc(kept)
        self._alerts.labels(source, "refused").inc(refused)

    async def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        health = await self._engine.queries.health()
        self._ready.set(health.ready)
        self._streams.set(self._engine.hub.followers)
        self._troubles.set(len(health.troubles))
        self._watch()
        if health.ready:
            await self._look()
        return generate_latest(self._registry)

    def _watch(self) -> None:
        counted = self._engine.heartbeats.count(self._engine.clock.now())
        for state, count in counted.items():
            self._heartbeats.labels(state.value).set(count)
        # A probe that is gone must not stand there for ever.
        self._probe_up.clear()
        self._probe_seconds.clear()
        for name, looked in self._engine.probes.latest().items():
            self._probe_up.labels(name).set(looked.results[0].fine)
            self._probe_seconds.labels(name).set(looked.results[0].took.total_seconds())

    async def _look(self) -> None:
        async with self._engine.store.reading() as reader:
            counts = await reader.count_incidents()
            for state in State:
                self._incidents.labels(state.value).set(counts.get(state, 0))
            for status in (OutboxStatus.PENDING, OutboxStatus.FAILED):
                rows = await reader.outbox(status, limit=OUTBOX_COUNTED_MAX)
                self._outbox.labels(status.value).set(len(rows))


TheMetrics = NamedDependency[Metrics]
