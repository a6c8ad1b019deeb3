"""The pages of alerts: all of them, and one with everything that was decided about it."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, QueryParameter

from tocsin.base.ids import parse_incident_id
from tocsin.engine.alertbook import Found, shown_of
from tocsin.engine.told import SOURCE
from tocsin.engine.verbs import may
from tocsin.faces.requests import TheFace
from tocsin.faces.web.alertview import alert_page, alert_row
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.render import AnyRequest, page

ALERTS_A_PAGE = 50
TEXT_CHARS_MAX = 200
SHOWN_WORDS = {"firing": "Firing", "apart": "Firing, without an incident", "ended": "Ended", "all": "All"}


@get("/alerts", include_in_schema=False)
async def show_alerts(
    request: AnyRequest,
    face: TheFace,
    status: Annotated[str, QueryParameter(name="state")] = "all",
    text: FromQuery[str] = "",
    incident: FromQuery[str] = "",
    after: FromQuery[str] = "",
) -> Response[Any]:
    """The alerts, the last seen first, as many as fit on a page."""
    principal = await signed_in(request)
    shown = shown_of(status) or "all"
    text, wanted, wrong = text.strip()[:TEXT_CHARS_MAX], parse_incident_id(incident), ""
    if incident.strip() and wanted is None:
        wrong = f"{incident.strip()[:40]!r} is no incident; write one such as INC-7."
    found = Found(records=())
    if not wrong:
        try:
            found = await face.engine.alerts.search(shown, text, wanted, ALERTS_A_PAGE, after)
        except ValueError:
            found = await face.engine.alerts.search(shown, text, wanted, ALERTS_A_PAGE)
    asked = {"state": shown, "text": text, "incident": wanted or ""}
    asked = {name: value for name, value in asked.items() if value and value != "all"}
    return await page(
        request,
        "alerts.html",
        "Alerts",
        principal=principal,
        here="alerts",
        rows=[alert_row(record) for record in found.records],
        states=SHOWN_WORDS,
        state=shown,
        text=text,
        incident=wanted or incident.strip()[:40],
        wrong=wrong,
        filtered=bool(asked),
        further=bool(after),
        first="/alerts" + (f"?{urlencode(asked)}" if asked else ""),
        more=f"/alerts?{urlencode({**asked, 'after': found.after})}" if found.after else "",
    )


@get("/alerts/{fingerprint:str}", include_in_schema=False)
async def show_alert(request: AnyRequest, fingerprint: FromPath[str], face: TheFace) -> Response[Any]:
    """One alert, and why it went where it went."""
    principal, engine = await signed_in(request), face.engine
    why = await engine.explainer.why(fingerprint)
    if why is None:
        raise NotFoundException
    alert = why.record.alert
    number = alert.labels.get("report", "") if alert.source == SOURCE else ""
    may_see = may(principal, "responder")
    report = await engine.reports.find(number) if number and may_see else None
    return await page(
        request,
        "alert.html",
        alert.name,
        principal=principal,
        here="alerts",
        alert=alert_page(why),
        contact=report.told.contact if report else "",
        may_silence=may_see,
    )
