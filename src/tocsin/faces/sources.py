"""What the API and the pages show of the sources of alerts, and how they try a sample."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.problems import Problem
from tocsin.engine.sightings import SourceCount
from tocsin.engine.sources import Arrival, SourceError, SourceUnavailableError
from tocsin.faces.requests import Face

SAMPLE_BYTES_MAX = 256 * 1024
_ADDRESSES = {"pagerduty": "/v2/enqueue", "opsgenie": "/v2/alerts"}
"""Where senders of a kind send to, where that is not `/in/{kind}`."""


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source: where its senders send to, how they are let in, and what came of it (times UTC)."""

    kind: str
    address: str
    let_in: str
    kept: int
    refused: int
    last_seen_at: datetime | None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What a source makes of a sample: the alerts that would be kept, and what is wrong with it. Where it
    asks for neither, it is one of the requests that are taken and ignored."""

    alerts: tuple[Alert, ...]
    problems: tuple[Problem, ...]
    acknowledged: tuple[str, ...] = ()


async def look_at_sources(face: Face) -> list[SourceView]:
    """Every source by its kind."""
    counts = await face.engine.sightings.counts()
    return [_view(kind, counts.get(kind), face) for kind in sorted(face.sources)]


async def look_at_source(face: Face, kind: str) -> SourceView | None:
    """One source; None where there is none of this kind."""
    if kind not in face.sources:
        return None
    return _view(kind, (await face.engine.sightings.counts()).get(kind), face)


def _view(kind: str, count: SourceCount | None, face: Face) -> SourceView:
    return SourceView(
        kind=kind,
        address=f"{face.public_url}{_ADDRESSES.get(kind, f'/in/{kind}')}",
        let_in=_let_in(kind, face),
        kept=count.kept if count else 0,
        refused=count.refused if count else 0,
        last_seen_at=count.last_seen_at if count else None,
    )


def _let_in(kind: str, face: Face) -> str:
    if face.sources[kind].proves_itself:
        return "by a key, a secret or a signature of the settings"
    if kind in face.source_tokens:
        return "by the token of the settings, or any token"
    if face.allow_unauthenticated_sources:
        return "by anybody, since the settings allow it"
    return "by a token of the scope source"


async def try_sample(face: Face, kind: str, body: bytes, headers: Mapping[str, str]) -> Tried:
    """What the source of this kind would make of a request."""
    arrival = Arrival(body=body, received_at=face.engine.clock.now(), headers=headers, trial=True)
    try:
        parsed = await face.sources[kind].parse(arrival)
    except SourceError as error:
        return Tried(alerts=(), problems=error.problems)
    except SourceUnavailableError as error:
        problem = Problem(code="not-now", field="", message=str(error), mend="Try it again in a while.")
        return Tried(alerts=(), problems=(problem,))
    return Tried(alerts=parsed.alerts, problems=parsed.problems, acknowledged=parsed.acknowledged)
