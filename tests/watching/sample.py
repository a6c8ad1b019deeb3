"""A few heartbeats and a probe, for tests of the faces."""

from datetime import timedelta

from tocsin.alerts.heartbeats import Heartbeat
from tocsin.alerts.probes import HttpCheck, Probe
from tocsin.engine.engine import Engine

KEY = "0123456789abcdefghij"


class Finds:
    """A prober that finds the same trouble each time."""

    reason = "it answered 503 instead of 200"
    secret = "not-for-you"
    probe = Probe(
        name="shop",
        check=HttpCheck(url="https://shop.example/health", headers={"Authorization": secret}),
        target="https://shop.example/health",
        labels={"service": "shop"},
    )

    async def look(self, probe: Probe) -> str:
        """Something is wrong."""
        return self.reason


def watch_a_little(engine: Engine) -> None:
    """Put them in; no loop is begun."""
    engine.heartbeats.follow(
        [
            Heartbeat(name="queue", every=timedelta(minutes=10), labels={"service": "shop"}),
            Heartbeat(
                name="backup",
                cron="0 3 * * *",
                timezone="Europe/Berlin",
                key=KEY,
                labels={"service": "db", "severity": "critical"},
            ),
        ]
    )
    engine.probes.follow([Finds.probe], Finds())
