"""The pages of the sources of alerts, for admins: what came of each, what was made of it, and a form that
tries a sample."""

from collections.abc import Iterable

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.params import FromPath

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.problems import Problem, Weight
from tocsin.engine.changes import Change
from tocsin.engine.sightings import Sample
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.requests import Face, TheFace, denied
from tocsin.faces.sources import (
    SAMPLE_BYTES_MAX,
    SourceView,
    Tried,
    look_at_source,
    look_at_sources,
    try_sample,
)
from tocsin.faces.web.forms import read_form
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.presenters import Moment, moment, safe_link
from tocsin.faces.web.render import AnyRequest, page

ALERTS_SHOWN = 20
PROBLEMS_SHOWN = 20
CHANGES_SHOWN = 20
TELLS_CHANGES = "pagerduty"


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A source in the list."""

    kind: str
    address: str
    let_in: str
    kept: int
    refused: int
    seen: Moment | None


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that a source makes of a sample."""

    title: str
    firing: bool
    fingerprint: str
    since: Moment
    link: str
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a sample; `note` where the alert is kept all the same."""

    field: str
    message: str
    mend: str
    note: bool


class TriedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a source makes of a sample. `more` are alerts beyond those that are shown."""

    alerts: tuple[AlertView, ...]
    problems: tuple[ProblemView, ...]
    acknowledged: int
    more: int


class SampleView(msgspec.Struct, frozen=True, kw_only=True):
    """A sample beside what becomes of it; `tried` is None where it was too large to be kept."""

    at: Moment
    kept: int
    refused: int
    size: int
    body: str
    tried: TriedView | None


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change that a sender told of."""

    summary: str
    source: str
    at: Moment
    links: tuple[tuple[str, str], ...]


async def _admin(request: AnyRequest) -> Principal:
    principal = await signed_in(request)
    if not may(principal, "admin"):
        raise PermissionDeniedException(denied(principal, "admin"))
    return principal


@get("/settings/sources", include_in_schema=False)
async def show_sources(request: AnyRequest, face: TheFace) -> Response[str]:
    """Every source."""
    principal = await _admin(request)
    rows = tuple(_row(each) for each in await look_at_sources(face))
    return await page(
        request, "sources.html", "Sources of alerts", principal=principal, here="sources", rows=rows
    )


@get("/settings/sources/{kind:str}", include_in_schema=False)
async def show_source(request: AnyRequest, kind: FromPath[str], face: TheFace) -> Response[str]:
    """One source: what came last, what becomes of it, and a form to try a sample."""
    return await _source_page(request, await _admin(request), kind, face)


@post("/settings/sources/{kind:str}", include_in_schema=False, status_code=200)
async def try_source(request: AnyRequest, kind: FromPath[str], face: TheFace) -> Response[str]:
    """Try the sample of the form. Nothing is kept, and nobody is paged."""
    principal = await _admin(request)
    text = (await read_form(request)).get("sample", "").strip()
    return await _source_page(request, principal, kind, face, text)


async def _source_page(
    request: AnyRequest, principal: Principal, kind: str, face: Face, pasted: str = ""
) -> Response[str]:
    view = await look_at_source(face, kind)
    if view is None:
        raise NotFoundException
    samples = [await _sample_view(each, face) for each in await face.engine.sightings.samples(kind)]
    changes = await face.engine.changes.list(CHANGES_SHOWN) if kind == TELLS_CHANGES else []
    tried, wrong = None, ""
    if len(pasted.encode()) > SAMPLE_BYTES_MAX:
        wrong = f"A sample has at most {SAMPLE_BYTES_MAX // 1024} KB."
    elif pasted:
        tried = await _tried(pasted, kind, face)
    return await page(
        request,
        "source.html",
        f"Source {kind}",
        principal=principal,
        here="sources",
        row=_row(view),
        samples=samples,
        changes=[_change_view(each) for each in changes],
        pasted=pasted if not wrong else "",
        tried=tried,
        wrong=wrong,
    )


async def _sample_view(sample: Sample, face: Face) -> SampleView:
    return SampleView(
        at=moment(sample.at),
        kept=sample.kept,
        refused=sample.refused,
        size=sample.size,
        body=sample.body,
        tried=await _tried(sample.body, sample.kind, face) if sample.body else None,
    )


async def _tried(text: str, kind: str, face: Face) -> TriedView:
    tried: Tried = await try_sample(face, kind, text.encode(), {"content-type": "application/json"})
    return TriedView(
        alerts=tuple(_alert_view(each) for each in tried.alerts[:ALERTS_SHOWN]),
        problems=_problem_views(tried.problems[:PROBLEMS_SHOWN]),
        acknowledged=len(tried.acknowledged),
        more=max(len(tried.alerts) - ALERTS_SHOWN, 0),
    )


def _alert_view(alert: Alert) -> AlertView:
    return AlertView(
        title=alert.summary,
        firing=alert.status is AlertStatus.FIRING,
        fingerprint=alert.fingerprint,
        since=moment(alert.starts_at),
        link=safe_link(alert.generator_url),
        labels=tuple(sorted(alert.labels.items())),
        annotations=tuple(sorted(alert.annotations.items())),
    )


def _problem_views(problems: Iterable[Problem]) -> tuple[ProblemView, ...]:
    return tuple(
        ProblemView(
            # Most messages begin with the field that they are about.
            field="" if each.message.startswith(each.field) else each.field,
            message=each.message,
            mend=each.mend,
            note=each.severity is Weight.WARNING,
        )
        for each in problems
    )


def _row(view: SourceView) -> SourceRow:
    return SourceRow(
        kind=view.kind,
        address=view.address,
        let_in=view.let_in,
        kept=view.kept,
        refused=view.refused,
        seen=moment(view.last_seen_at) if view.last_seen_at else None,
    )


def _change_view(change: Change) -> ChangeView:
    links = ((safe_link(address), text or address) for address, text in change.links)
    return ChangeView(
        summary=change.summary,
        source=change.source,
        at=moment(change.at),
        links=tuple((address, text) for address, text in links if address),
    )
