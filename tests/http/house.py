"""A whole Tocsin in memory behind its real web application, for tests of its faces."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from tocsin.adapters.sources.prometheus import PrometheusSource
from tocsin.adapters.store.memory import MemoryStore
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base.ids import PersonId
from tocsin.base.problems import Problem
from tocsin.config.report_form import ReportForm
from tocsin.engine.access import Scope
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.library import read_document
from tocsin.engine.ports import Outgoing
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError
from tocsin.faces.http.app import create_app
from tocsin.faces.web import site
from tocsin.incident.events import SYSTEM
from tocsin.incident.evolve import fold
from tocsin.incident.rules import Clocks
from tocsin.oncall.model import Roster
from tocsin.oncall.read import read_roster

Client = httpx.AsyncClient
"""Asks the application on the loop of the test, where the engine runs as well."""

ELSEWHERE = "192.0.2.7"
START = datetime(2026, 11, 24, 2, 47, tzinfo=UTC)
ME, OTHER = PersonId("tomas"), PersonId("ines")
PASSWORD = "a lantern in the rain"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def roster_of_test() -> Roster:
    """The example's roster."""
    content = files("tocsin").joinpath("examples/roster.toml").read_bytes()
    return read_roster(content, "roster.toml")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        await wake.wait()


class Counted:
    """Secrets that differ, and are the same in every run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def secret(self) -> str:
        return hashlib.sha256(f"test {next(self._numbers)}".encode()).hexdigest()

    def jitter(self) -> float:
        return 0.5


class Sink:
    """A channel that keeps what it was given."""

    kind = "outbox"

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def check(self, address: str) -> str | None:
        return None

    async def send(self, outgoing: Outgoing) -> str:
        self.sent.append(outgoing)
        return "kept"

    async def close(self) -> None:
        return None


class Mail(Sink):
    """A channel for e-mail that keeps what it was given."""

    kind = "email"

    def check(self, address: str) -> str | None:
        return None if "@" in address else "that is no address"


class ListSource(PlainSource):
    """A wire format for tests: a list of objects with `labels`, of which each may be bad by itself."""

    kind = "plain"

    async def parse(self, arrival: Arrival) -> Parsed:
        assert "authorization" not in arrival.headers, "a source has no business with the token"
        try:
            listed = msgspec.json.decode(arrival.body)
        except msgspec.DecodeError as error:
            raise SourceError([_problem("", f"The body is no JSON: {error}.")]) from error
        if not isinstance(listed, list):
            raise SourceError(
                [_problem("", "The body is no list."), _problem("type", "It should be a list.")]
            )
        alerts: list[Alert] = []
        problems: list[Problem] = []
        for number, each in enumerate(listed):
            labels = each.get("labels") if isinstance(each, dict) else None
            if not labels:
                problems.append(_problem(f"{number}.labels", "There are no labels."))
                continue
            status = AlertStatus(each.get("status", "firing"))
            alerts.append(
                Alert(
                    fingerprint=fingerprint(labels),
                    status=status,
                    labels=labels,
                    annotations=each.get("annotations", {}),
                    starts_at=arrival.received_at,
                    received_at=arrival.received_at,
                    source="plain",
                    ends_at=arrival.received_at if status is AlertStatus.RESOLVED else None,
                    generator_url=each.get("url", ""),
                )
            )
        return Parsed(alerts=tuple(alerts), problems=tuple(problems))


def _problem(field: str, message: str) -> Problem:
    return Problem(code="bad-alert", field=field, message=message, mend="Send what the test wants.")


class House:
    """The engine, its application, and tokens for every scope."""

    def __init__(self, engine: Engine, app: Litestar, clock: HandClock, sink: Sink, mail: Mail) -> None:
        self.mail = mail
        self.engine = engine
        self.app = app
        self.clock = clock
        self.sink = sink
        self.tokens: dict[str, str] = {}

    async def token(self, scope: Scope, person: PersonId | None = ME) -> str:
        """A token of this scope, made at the first asking."""
        key = f"{scope}:{person}"
        if key not in self.tokens:
            made = await self.engine.access.create_token(f"{scope} of a test", scope, person, SYSTEM)
            self.tokens[key] = made
        return self.tokens[key]

    async def bearer(self, scope: Scope, person: PersonId | None = ME) -> dict[str, str]:
        """The header with such a token."""
        return {"Authorization": f"Bearer {await self.token(scope, person)}"}

    async def settle(self) -> None:
        """Wait until the delivery has nothing left to carry at the present time."""
        quiet = 0
        while quiet < 5:
            before = len(self.sink.sent)
            await asyncio.sleep(0.01)
            async with self.engine.store.reading() as reader:
                waits = await reader.next_outbox_at()
            idle = waits is None or waits > self.clock.now()
            quiet = quiet + 1 if idle and len(self.sink.sent) == before else 0

    async def alert(self, name: str = "CheckoutDown", **labels: str) -> str:
        """Take in an alert of the highest level; returns its incident."""
        severity = labels.pop("severity", "critical")
        annotations = {"summary": labels.pop("summary", "Checkout answers with errors")}
        source = ListSource()
        body = [{"labels": {"alertname": name, "severity": severity, **labels}, "annotations": annotations}]
        parsed = await source.parse(Arrival(body=msgspec.json.encode(body), received_at=self.clock.now()))
        (taken,) = await self.engine.intake.take(parsed.alerts)
        assert taken.incident is not None
        return taken.incident


def make_house(
    *,
    public_url: str = "http://tocsin.test",
    open_sources: bool = False,
    clock: HandClock | None = None,
    source_tokens: dict[str, str] | None = None,
    sources: Sequence[Source] = (),
    report_form: ReportForm | None = None,
) -> House:
    """Put one together, with more sources where they are given; nothing runs yet."""
    clock, sink, mail = clock or HandClock(), Sink(), Mail()
    content = files("tocsin").joinpath("examples/playbook.md").read_bytes()
    engine = assemble(
        store=MemoryStore(fold),
        clock=clock,
        randomness=Counted(),
        document=read_document("playbook.md", content),
        roster=roster_of_test(),
        clocks=Clocks(),
        channels={"outbox": sink, "email": mail},
        public_url=public_url,
        bundle_window=timedelta(0),
    )
    app = create_app(
        engine,
        {each.kind: each for each in (ListSource(), PrometheusSource(), *sources)},
        public_url,
        allow_unauthenticated_sources=open_sources,
        source_tokens=source_tokens,
        extra_handlers=site.handlers(),
        error_page=site.error_page,
        report_form=report_form,
    )
    return House(engine, app, clock, sink, mail)


@asynccontextmanager
async def open_house(**settings: Any) -> AsyncGenerator[tuple[House, Client], None]:
    """A running one, with a client that has no credentials of its own."""
    house = make_house(**settings)
    await house.engine.start()
    try:
        base = settings.get("public_url", "http://tocsin.test")
        transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, client=(ELSEWHERE, 50_000))
        async with Client(transport=transport, base_url=base) as client:
            yield house, client
    finally:
        await house.engine.stop()
