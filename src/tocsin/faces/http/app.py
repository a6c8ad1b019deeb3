"""The web application: the API, the intake and the probes, and the handlers of other faces beside them."""

from collections.abc import Mapping, Sequence

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from tocsin.base import limits
from tocsin.config.report_form import ReportForm
from tocsin.engine.engine import Engine
from tocsin.engine.sources import Source
from tocsin.faces.http import alertmanager_api
from tocsin.faces.http.alertmanager_errors import alertmanager_error
from tocsin.faces.http.door import Door
from tocsin.faces.http.fastpath import kinds_of
from tocsin.faces.http.frame import Framed
from tocsin.faces.http.guards import principal_dependency
from tocsin.faces.http.metrics import Metrics
from tocsin.faces.http.openapi import openapi_config
from tocsin.faces.http.problems import ErrorPage, Problems
from tocsin.faces.http.routes import API, own_routes
from tocsin.faces.pace import Pace
from tocsin.faces.requests import Face


def create_app(
    engine: Engine,
    sources: Mapping[str, Source],
    public_url: str,
    allow_unauthenticated_sources: bool = False,
    source_tokens: Mapping[str, str] | None = None,
    source_rates: Mapping[str, int] | None = None,
    extra_handlers: Sequence[ControllerRouterHandler] = (),
    error_page: ErrorPage | None = None,
    report_form: ReportForm | None = None,
) -> Litestar:
    """Build the application. It neither starts nor stops the engine.

    `source_rates` are requests per minute by kind of source, where they are not the usual. `extra_handlers`
    are those of other faces, `error_page` makes the pages that browsers get in place of problem documents.
    `report_form` is the public form for reports, None where it is off.
    """
    face = Face(
        engine=engine,
        public_url=public_url.rstrip("/"),
        sources=dict(sources),
        allow_unauthenticated_sources=allow_unauthenticated_sources,
        source_tokens=dict(source_tokens or {}),
        report_form=report_form,
        pace=Pace(report_form.per_address, report_form.in_all, report_form.within) if report_form else None,
    )
    metrics = Metrics(engine)
    door = Door(engine.clock, source_rates)
    problems = Problems(error_page)
    api = Router(
        "/api/v1",
        route_handlers=API,
        dependencies={"principal": Provide(principal_dependency, sync_to_thread=False)},
    )
    app = Framed(
        route_handlers=[
            api,
            *own_routes(engine),
            *extra_handlers,
        ],
        dependencies={
            "face": Provide(lambda: face, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
            "door": Provide(lambda: door, sync_to_thread=False),
        },
        state=State({"face": face, "door": door}),
        exception_handlers={Exception: problems.handler},
        request_max_body_size=limits.request_body_bytes_max,
        openapi_config=openapi_config(),
        logging_config=None,
        debug=False,
    )
    posted = {alertmanager_api.ALERTS_PATH: (alertmanager_api.KIND, alertmanager_error)}
    kinds = kinds_of(face.sources, problems.handler, posted)
    return app.frame(face, metrics, kinds, door)
