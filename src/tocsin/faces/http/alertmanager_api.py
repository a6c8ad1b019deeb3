"""Alertmanager's API, version 2, so that Tocsin can stand where Alertmanager stood.

As far as amtool, Prometheus, Mimir, Loki and Grafana use it; its OpenAPI document gives the names. A receiver
is a playbook here, and a group is what its front matter groups by.
"""

from datetime import datetime
from typing import Annotated

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from tocsin import __version__
from tocsin.engine.engine import Engine
from tocsin.engine.silencing import UnknownSilenceError
from tocsin.faces.http import alertmanager_shapes as shapes
from tocsin.faces.http.alertmanager_errors import RESPONSES, alertmanager_error
from tocsin.faces.http.alertmanager_post import KIND, post_alerts
from tocsin.faces.http.alertmanager_view import (
    ReceiverFilter,
    config_of,
    filtered,
    firing_alerts,
    groups_of,
    in_order,
    read_filters,
    speaks_of,
)
from tocsin.faces.http.bodies import read_json
from tocsin.faces.http.guards import at_least, look_at_alerts, principal_dependency
from tocsin.faces.http.openapi import PostableSilenceOperation
from tocsin.faces.http.problems import AnyRequest, ApiError
from tocsin.faces.requests import TheFace, ThePrincipal, actor_of

ALERTS_PATH = "/api/v2/alerts"
"""Where alerts are sent to."""

Began = NamedDependency[datetime]
Flag = Annotated[bool, QueryParameter(description="False leaves these out.")]
Filters = Annotated[
    list[str] | None, QueryParameter(name="filter", description="A matcher; may be repeated.")
]
ReceiverText = Annotated[
    str | None, QueryParameter(name="receiver", description="A regular expression over the receivers.")
]


@get("/status", operation_id="readAlertmanagerStatus", tags=["alertmanager"], responses=RESPONSES)
async def read_status(face: TheFace, began: Began) -> shapes.Status:
    """The version, since when it runs, and what the routes of the playbooks come to."""
    return shapes.Status(
        cluster=shapes.Cluster(),
        config=shapes.Config(original=config_of(face.engine.library.current)),
        uptime=began,
        version_info=shapes.VersionInfo(version=__version__),
    )


@get("/receivers", operation_id="listAlertmanagerReceivers", tags=["alertmanager"], responses=RESPONSES)
async def list_receivers(face: TheFace) -> list[shapes.Receiver]:
    """The playbooks, the one for everything else first."""
    return [shapes.Receiver(name=book.name) for book in face.engine.library.current.books]


@get("/alerts", operation_id="listAlertmanagerAlerts", tags=["alertmanager"], responses=RESPONSES)
async def list_alerts(
    face: TheFace,
    filters: Filters = None,
    receiver: ReceiverText = None,
    active: Flag = True,
    silenced: Flag = True,
    inhibited: Flag = True,
    unprocessed: Flag = True,
) -> list[shapes.GettableAlert]:
    """The alerts that are firing. Every one was processed before its sender was answered, so that
    `unprocessed` leaves none out."""
    found = await _alerts(face, filters, receiver, active, silenced, inhibited)
    return [alert for alert, _ in found]


@get("/alerts/groups", operation_id="listAlertmanagerGroups", tags=["alertmanager"], responses=RESPONSES)
async def list_groups(
    face: TheFace,
    filters: Filters = None,
    receiver: ReceiverText = None,
    active: Flag = True,
    silenced: Flag = True,
    inhibited: Flag = True,
    muted: Flag = True,
) -> list[shapes.AlertGroup]:
    """The alerts that are firing, by the groups of the playbooks that they go to."""
    found = await _alerts(face, filters, receiver, active, silenced, inhibited)
    groups = groups_of(found)
    return [each for each in groups if muted or any(a.status.state == "active" for a in each.alerts)]


async def _alerts(
    face: TheFace,
    filters: list[str] | None,
    receiver: str | None,
    active: bool,
    silenced: bool,
    inhibited: bool,
) -> list[tuple[shapes.GettableAlert, dict[str, str]]]:
    wanted, receivers = read_filters(filters), ReceiverFilter(receiver)
    flags = {"active": active, "silenced": silenced, "inhibited": inhibited}
    found = await firing_alerts(face.engine, wanted, receivers)
    return [(alert, group) for alert, group in found if shapes.is_within(flags, alert)]


@get("/silences", operation_id="listAlertmanagerSilences", tags=["alertmanager"], responses=RESPONSES)
async def list_silences(
    face: TheFace,
    filters: Filters = None,
    active: Flag = True,
    pending: Flag = True,
    expired: Flag = True,
) -> list[shapes.GettableSilence]:
    """Silences: the active first, the soonest to end before others; then those to come, then the ended."""
    wanted, now = read_filters(filters), face.engine.clock.now()
    flags = {"active": active, "pending": pending, "expired": expired}
    kept = await face.engine.silencing.list()
    found = [each for each in kept if flags[each.state(now).value] and speaks_of(each, wanted)]
    return [shapes.gettable_silence(each, now) for each in in_order(found, now)]


@post(
    "/silences",
    guards=[at_least("responder")],
    status_code=200,
    operation_id="postAlertmanagerSilence",
    operation_class=PostableSilenceOperation,
    tags=["alertmanager"],
    responses=RESPONSES,
)
async def post_silence(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> shapes.SilenceMade:
    """Make a silence, or change the one whose id is given. This takes a token of a responder, always: who
    may send alerts must not be able to keep people from being paged."""
    wanted = await read_json(request, shapes.PostableSilence)
    actor = actor_of(principal, face.engine)
    claimed, own = wanted.created_by.strip(), actor.name or actor.id
    via = f" (via {own})"
    author = own if claimed in ("", own) else claimed if claimed.endswith(via) else claimed + via
    try:
        matchers, (starts_at, ends_at) = wanted.read_matchers(), wanted.times()
        made = await face.engine.silencing.create(
            matchers, starts_at, ends_at, wanted.comment, actor, replaces=wanted.id or "", author=author
        )
    except UnknownSilenceError as error:
        raise ApiError(404, "unknown-silence", str(error)) from error
    except ValueError as error:
        raise ApiError(400, "bad-request", filtered(error)) from error
    return shapes.SilenceMade(silence_id=made.id)


@get(
    "/silence/{silence:str}",
    operation_id="readAlertmanagerSilence",
    tags=["alertmanager"],
    responses=RESPONSES,
)
async def read_silence(silence: FromPath[str], face: TheFace) -> shapes.GettableSilence:
    """One silence."""
    found = await face.engine.silencing.find(silence)
    if found is None:
        raise ApiError(404, "unknown-silence", str(UnknownSilenceError(silence)))
    return shapes.gettable_silence(found, face.engine.clock.now())


@delete(
    "/silence/{silence:str}",
    guards=[at_least("responder")],
    status_code=200,
    operation_id="expireAlertmanagerSilence",
    media_type="text/plain",
    tags=["alertmanager"],
    responses=RESPONSES,
)
async def expire_silence(silence: FromPath[str], face: TheFace, principal: ThePrincipal) -> Response[bytes]:
    """End a silence now."""
    try:
        await face.engine.silencing.expire(silence, actor_of(principal, face.engine))
    except UnknownSilenceError as error:
        raise ApiError(404, "unknown-silence", str(error)) from error
    return Response(b"", media_type="text/plain")


@get("/-/healthy", operation_id="isHealthy", tags=["health"], media_type="text/plain", security=[{}])
async def is_healthy() -> str:
    """Whether the process answers at all; what is asked of Alertmanager here."""
    return "OK"


@get("/-/ready", operation_id="isReadyForAlerts", tags=["health"], media_type="text/plain", security=[{}])
async def is_ready_for_alerts(face: TheFace) -> Response[str]:
    """200 where alerts can be taken in, else 503; what is asked of Alertmanager here."""
    ready = (await face.engine.queries.health()).ready and face.engine.running
    return Response(
        "OK" if ready else "Not ready", status_code=200 if ready else 503, media_type="text/plain"
    )


def alertmanager_router(engine: Engine) -> Router:
    """Everything under `/api/v2`."""
    began = engine.clock.now()
    looking = Router(
        "/",
        route_handlers=[read_status, list_receivers, list_alerts, list_groups, list_silences, read_silence],
        guards=[look_at_alerts(KIND)],
    )
    return Router(
        "/api/v2",
        route_handlers=[looking, post_alerts, post_silence, expire_silence],
        dependencies={
            "began": Provide(lambda: began, sync_to_thread=False),
            "principal": Provide(principal_dependency, sync_to_thread=False),
        },
        exception_handlers={Exception: alertmanager_error},
    )
