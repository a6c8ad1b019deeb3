"""Rendering: templates that always escape, files with their own addresses, and what every page shares."""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from tocsin.engine.views import Principal
from tocsin.faces.requests import FORM_COOKIE, Face, face_of
from tocsin.faces.web.presenters import Notice, Shell, trouble_views

AnyRequest = Request[Any, Any, Any]

SAID_COOKIE = "tocsin_said"
SAID_LASTS_SECONDS = 60
SAID_CHARS_MAX = 600
_FOREVER = "public, max-age=31536000, immutable"

_TEMPLATES = Environment(
    loader=PackageLoader("tocsin.faces.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_MEDIA_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "room.css": "text/css; charset=utf-8",
    "tocsin.js": "text/javascript; charset=utf-8",
    "bell.svg": "image/svg+xml",
}
_FILES = {name: files("tocsin.faces.web").joinpath("static", name).read_bytes() for name in _MEDIA_TYPES}
_VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]


@get("/static/{version:str}/{name:str}", include_in_schema=False)
async def static_file(version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """One of the few files of the pages. Its address changes with its content, so it is kept for good."""
    if name not in _FILES:
        raise NotFoundException
    kept = _FOREVER if version == _VERSION else "no-cache"
    return Response(_FILES[name], media_type=_MEDIA_TYPES[name], headers={"Cache-Control": kept})


async def page(
    request: AnyRequest,
    template: str,
    title: str,
    *,
    principal: Principal | None = None,
    here: str = "",
    status: int = 200,
    insider: bool = False,
    notice: Notice | None = None,
    **context: Any,
) -> Response[str]:
    """A page: the template in the frame that all pages share, with the form token and what was said.

    Troubles of the server are shown to a principal, and to an `insider` whom a link in a page vouches for.
    A `notice` answers a form that is shown again.
    """
    face = face_of(request)
    access = face.engine.access
    cookies: list[Cookie] = []
    token = request.cookies.get(FORM_COOKIE, "")
    if not token or not await access.is_form_token(token):
        token = await access.form_token()
        cookies.append(_cookie(FORM_COOKIE, token, face))
    before = said_of(request)
    if before is not None:
        cookies.append(_cookie(SAID_COOKIE, "", face, max_age=0))
    # A stranger at the door needs not know what ails the server.
    troubles = (await face.engine.queries.health()).troubles if principal or insider else ()
    shell = Shell(
        title=title,
        who=principal.name if principal else "",
        role=principal.role if principal else "",
        here=here,
        form_token=token,
        now=face.engine.clock.now().isoformat(),
        assets=f"/static/{_VERSION}",
        notice=notice or before,
        troubles=trouble_views(troubles),
    )
    content = _TEMPLATES.get_template(template).render(shell=shell, **context)
    return Response(content, status_code=status, media_type="text/html; charset=utf-8", cookies=cookies)


def error_page(_: AnyRequest, status: int, detail: str) -> Response[Any]:
    """The page of an error. It asks nothing of the store, which may be what failed."""
    titles = {401: "Sign in first", 403: "Not allowed", 404: "Nothing is here", 503: "Not available now"}
    title = titles.get(status, "That did not work" if status < 500 else "The server failed")
    shell = Shell(
        title=title,
        who="",
        role="",
        here="",
        form_token="",
        now="",
        assets=f"/static/{_VERSION}",
        notice=None,
        troubles=(),
    )
    content = _TEMPLATES.get_template("error.html").render(shell=shell, status=status, detail=detail)
    return Response(content, status_code=status, media_type="text/html; charset=utf-8")


def go(face: Face, path: str, said: str = "", *, refused: bool = False) -> Redirect:
    """Send the browser on after a form, and tell it there what was said."""
    cookies: list[Cookie] = []
    if said:
        raw = msgspec.json.encode([said[:SAID_CHARS_MAX], refused])
        value = urlsafe_b64encode(raw).rstrip(b"=").decode()
        cookies.append(_cookie(SAID_COOKIE, value, face, max_age=SAID_LASTS_SECONDS))
    return Redirect(path, status_code=303, cookies=cookies)


def said_of(request: AnyRequest) -> Notice | None:
    """What the form before this page was told."""
    value = request.cookies.get(SAID_COOKIE, "")
    if not value:
        return None
    try:
        raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        text, refused = msgspec.json.decode(raw, type=tuple[str, bool])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return Notice(text=text[:SAID_CHARS_MAX], refused=refused)


def session_cookie(name: str, value: str, face: Face) -> Cookie:
    """The cookie of a session; an empty value takes it away."""
    return _cookie(name, value, face, max_age=None if value else 0)


def _cookie(name: str, value: str, face: Face, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=name, value=value, path="/", httponly=True, samesite="lax", secure=face.secure, max_age=max_age
    )
