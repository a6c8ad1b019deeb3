"""The pages as one router, to be hung into the application beside the API."""

from litestar import Router

from tocsin.base import limits
from tocsin.faces.web import (
    alerts,
    declaring,
    doors,
    oncall,
    pages,
    reporting,
    silences,
    sources,
    watching,
    weaknesses,
)
from tocsin.faces.web.forms import our_own_form
from tocsin.faces.web.render import error_page, static_file

__all__ = ["error_page", "handlers"]


def handlers() -> list[Router]:
    """The routers of the pages. Links of pages stand apart: whoever has one needs no cookie."""
    guarded = Router(
        "/",
        route_handlers=[
            pages.show_list,
            declaring.show_declare,
            declaring.declare,
            pages.show_room,
            pages.ask,
            oncall.show_oncall,
            oncall.show_page_loads,
            pages.follow_all,
            sources.show_sources,
            sources.show_source,
            sources.try_source,
            watching.show_watches,
            alerts.show_alerts,
            alerts.show_alert,
            silences.show_silences,
            silences.show_silence_form,
            silences.make_silence,
            silences.end_silence,
            weaknesses.show_weaknesses,
            weaknesses.handle_weakness,
            weaknesses.open_from_weakness,
            doors.show_setup,
            doors.set_up,
            doors.show_sign_in,
            doors.sign_in,
            doors.sign_out,
        ],
        guards=[our_own_form],
        exception_handlers={pages.SignInFirstError: pages.to_sign_in},
        include_in_schema=False,
    )
    open_to_all = Router(
        "/",
        route_handlers=[
            reporting.show_report,
            reporting.report,
            reporting.show_keyed_report,
            reporting.keyed_report,
            reporting.show_receipt,
        ],
        guards=[our_own_form],
        exception_handlers={pages.SignInFirstError: pages.to_sign_in},
        request_max_body_size=limits.report_body_bytes_max,
        include_in_schema=False,
    )
    free = Router(
        "/",
        route_handlers=[doors.show_page_link, doors.acknowledge, static_file],
        include_in_schema=False,
    )
    return [guarded, open_to_all, free]
