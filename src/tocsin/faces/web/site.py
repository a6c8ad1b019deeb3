"""The pages as one router, to be hung into the application beside the API."""

from litestar import Router

from tocsin.faces.web import declaring, doors, pages
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
            pages.show_oncall,
            pages.follow_all,
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
    free = Router(
        "/",
        route_handlers=[doors.show_page_link, doors.acknowledge, static_file],
        include_in_schema=False,
    )
    return [guarded, free]
