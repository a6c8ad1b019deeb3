"""The web application: the API, the intake and the probes, and the handlers of other faces beside them."""

from collections.abc import Mapping, Sequence

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from tocsin.base import limits
from tocsin.engine.engine import Engine
from tocsin.engine.sources import Source
from tocsin.faces.http import admin, alertmanager_api, incidents, intake, looking, probes, silences, timeline
from tocsin.faces.http.alertmanager_errors import alertmanager_error
from tocsin.faces.http.fastpath import kinds_of
from tocsin.faces.http.frame import Framed
from tocsin.faces.http.guards import principal_dependency
from tocsin.faces.http.metrics import Metrics
from tocsin.faces.http.openapi import openapi_config
from tocsin.faces.http.problems import ErrorPage, Problems
from tocsin.faces.requests import Face

_POSTED = {alertmanager_api.ALERTS_PATH: (alertmanager_api.KIND, alertmanager_error)}
"""Where alerts come in beside `/in/`, with the kind of their source and how errors are told there."""


def _always(part: object) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)


def create_app(
    engine: Engine,
    sources: Mapping[str, Source],
    public_url: str,
    allow_unauthenticated_sources: bool = False,
    source_tokens: Mapping[str, str] | None = None,
    extra_handlers: Sequence[ControllerRouterHandler] = (),
    error_page: ErrorPage | None = None,
) -> Litestar:
    """Build the application. It neither starts nor stops the engine.

    `extra_handlers` are those of other faces, `error_page` makes the pages that browsers get in place of
    problem documents.
    """
    face = Face(
        engine=engine,
        public_url=public_url.rstrip("/"),
        sources=dict(sources),
        allow_unauthenticated_sources=allow_unauthenticated_sources,
        source_tokens=dict(source_tokens or {}),
    )
    metrics = Metrics(engine)
    problems = Problems(error_page)
    api = Router(
        "/api/v1",
        route_handlers=[
            incidents.list_incidents,
            incidents.declare_incident,
            incidents.read_incident,
            incidents.ask_incident,
            incidents.publish_postmortem,
            timeline.read_timeline,
            timeline.read_postmortem,
            looking.read_oncall,
            looking.list_alerts,
            looking.read_health,
            silences.list_silences,
            silences.read_silence,
            silences.create_silence,
            silences.expire_silence,
            admin.list_tokens,
            admin.create_token,
            admin.revoke_token,
            admin.list_accounts,
            admin.create_account,
        ],
        dependencies={"principal": Provide(principal_dependency, sync_to_thread=False)},
    )
    app = Framed(
        route_handlers=[
            api,
            intake.take_alerts,
            alertmanager_api.alertmanager_router(engine),
            alertmanager_api.is_healthy,
            alertmanager_api.is_ready_for_alerts,
            probes.is_alive,
            probes.is_ready,
            probes.read_metrics,
            *extra_handlers,
        ],
        dependencies={name: _always(part) for name, part in {"face": face, "metrics": metrics}.items()},
        state=State({"face": face}),
        exception_handlers={Exception: problems.handler},
        request_max_body_size=limits.request_body_bytes_max,
        openapi_config=openapi_config(),
        logging_config=None,
        debug=False,
    )
    return app.frame(engine.clock, face, metrics, kinds_of(face.sources, problems.handler, _POSTED))
