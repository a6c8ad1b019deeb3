"""Every address of the HTTP API, and of those in whose place Tocsin can stand."""

from litestar.types import ControllerRouterHandler

from tocsin.engine.engine import Engine
from tocsin.faces.http import (
    admin,
    alertmanager_api,
    beats,
    incidents,
    intake,
    looking,
    opsgenie,
    pagerduty,
    probes,
    reports,
    silences,
    timeline,
)
from tocsin.faces.http import sources as sources_api

API: list[ControllerRouterHandler] = [
    incidents.list_incidents,
    incidents.declare_incident,
    incidents.read_incident,
    incidents.ask_incident,
    incidents.publish_postmortem,
    timeline.read_timeline,
    timeline.read_postmortem,
    looking.read_oncall,
    *looking.ALERTS,
    looking.read_health,
    silences.list_silences,
    silences.list_maintenance,
    silences.read_silence,
    silences.create_silence,
    silences.expire_silence,
    *sources_api.HANDLERS,
    beats.list_heartbeats,
    beats.list_probes,
    *reports.HANDLERS,
    admin.list_tokens,
    admin.create_token,
    admin.revoke_token,
    admin.list_accounts,
    admin.create_account,
]
"""What answers under `/api/v1`."""


def own_routes(engine: Engine) -> list[ControllerRouterHandler]:
    """What answers elsewhere."""
    return [
        intake.take_alerts,
        alertmanager_api.alertmanager_router(engine),
        alertmanager_api.is_healthy,
        alertmanager_api.is_ready_for_alerts,
        pagerduty.router(),
        opsgenie.router(engine),
        beats.beat,
        beats.beat_by_key,
        probes.is_alive,
        probes.is_ready,
        probes.read_metrics,
    ]
