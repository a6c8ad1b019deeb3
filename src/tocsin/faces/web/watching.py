"""The page of what is watched: heartbeats and probes, those in trouble first."""

import msgspec
from litestar import Response, get

from tocsin.alerts.heartbeats import BeatState, rhythm
from tocsin.alerts.probes import kind_of
from tocsin.base.times import humane
from tocsin.engine.heartbeats import Watched
from tocsin.engine.probes import Shown
from tocsin.faces.requests import TheFace
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.presenters import Moment, moment
from tocsin.faces.web.render import AnyRequest, page

RESULTS_SHOWN = 10

STATE_WORDS = {
    BeatState.NEW: "Never heard yet",
    BeatState.FINE: "Fine",
    BeatState.LATE: "Late",
    BeatState.MISSED: "Not heard",
    BeatState.FAILED: "Failed",
}


class BeatView(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat on the page. `ping` is the command for whoever has to ping it."""

    name: str
    state: str
    down: bool
    because: str
    expected: str
    next: Moment
    heard: Moment | None
    heard_by: str
    took: str
    output: str
    labels: tuple[tuple[str, str], ...]
    ping: str


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """One look of a probe."""

    at: Moment
    text: str
    fine: bool


class ProbeView(msgspec.Struct, frozen=True, kw_only=True):
    """A probe on the page."""

    name: str
    kind: str
    target: str
    state: str
    down: bool
    because: str
    every: str
    labels: tuple[tuple[str, str], ...]
    results: tuple[ResultView, ...]


@get("/watches", include_in_schema=False)
async def show_watches(request: AnyRequest, face: TheFace) -> Response[str]:
    """Heartbeats and probes."""
    principal = await signed_in(request)
    heartbeats, probes = await face.engine.heartbeats.list(), await face.engine.probes.list()
    needs_token = not face.allow_unauthenticated_sources
    return await page(
        request,
        "watches.html",
        "Watches",
        principal=principal,
        here="watches",
        beats=[_beat(each, face.public_url, needs_token) for each in heartbeats],
        probes=[_probe(each) for each in probes],
    )


def _beat(watched: Watched, public_url: str, needs_token: bool) -> BeatView:
    heartbeat, beat, stands = watched.heartbeat, watched.beat, watched.standing
    zone = heartbeat.timezone
    return BeatView(
        name=heartbeat.name,
        state=STATE_WORDS[stands.state],
        down=stands.is_down,
        because=stands.because,
        expected=rhythm(heartbeat),
        next=moment(stands.expected_at, zone),
        heard=moment(beat.heard_at, zone) if beat.heard_at else None,
        heard_by=beat.heard_by,
        took=humane(beat.took) if beat.took is not None else "",
        output=beat.output,
        labels=tuple(heartbeat.labels.items()),
        ping=ping_command(heartbeat.name, bool(heartbeat.key), public_url, needs_token),
    )


def ping_command(name: str, has_key: bool, public_url: str, needs_token: bool) -> str:
    """The line to put at the end of a job. The key itself is not shown: who may look may not ping."""
    curl = "curl -fsS -m 10 --retry 5 -o /dev/null"
    if has_key:
        return f'{curl} "{public_url}/beat/{name}/$BEAT_KEY"'
    token = '-H "Authorization: Bearer $TOCSIN_TOKEN" ' if needs_token else ""
    return f"{curl} {token}{public_url}/beat/{name}"


def _probe(shown: Shown) -> ProbeView:
    probe, looked = shown.probe, shown.looked
    latest = looked.results[0] if looked.results else None
    if latest is None:
        state = "Not looked at yet"
    elif looked.alerting:
        state = "Failing"
    else:
        state = "Fine" if latest.fine else "Failed once"
    return ProbeView(
        name=probe.name,
        kind=kind_of(probe).upper(),
        target=probe.target,
        state=state,
        down=looked.alerting,
        because=latest.reason if latest else "",
        every=f"every {humane(probe.every)}",
        labels=tuple(probe.labels.items()),
        results=tuple(
            ResultView(
                at=moment(each.at),
                text=each.reason or f"fine, in {each.took.total_seconds():.2g} s",
                fine=each.fine,
            )
            for each in looked.results[:RESULTS_SHOWN]
        ),
    )
