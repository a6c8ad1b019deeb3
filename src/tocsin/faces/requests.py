"""What the HTTP API and the web pages share: who asks, from where, and over which cookies."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException

from tocsin.base.ids import PersonId
from tocsin.config.report_form import ReportForm
from tocsin.engine.access import Access
from tocsin.engine.engine import Engine
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.sources import Source
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.pace import Pace
from tocsin.incident.events import Actor, ActorKind

Connection = ASGIConnection[Any, Any, Any, Any]

SESSION_COOKIE = "tocsin_session"
FORM_COOKIE = "tocsin_form"
FORM_FIELD = "form_token"
FORM_HEADER = "x-form-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """What every handler may need. `public_url` is the server's own address, without a slash at its end;
    `source_tokens` are the tokens that the settings give to kinds of sources. `report_form` is the
    public form for reports, None where it is off, and `pace` how often it may be sent."""

    engine: Engine
    public_url: str
    sources: Mapping[str, Source]
    allow_unauthenticated_sources: bool
    source_tokens: Mapping[str, str] = {}
    report_form: ReportForm | None = None
    pace: Pace | None = None

    @property
    def secure(self) -> bool:
        """Whether cookies may travel over https only."""
        return self.public_url.startswith("https://")


TheFace = NamedDependency[Face]
ThePrincipal = NamedDependency[Principal]


def face_of(connection: Connection) -> Face:
    """The face whose app serves this connection."""
    face: Face = connection.app.state.face
    return face


def credential_of(connection: Connection) -> str | None:
    """The token of the Authorization header: as bearer, or as the password of basic; "" where the header
    is of another kind, None where there is none."""
    return read_credential(connection.headers.get("authorization"))


def read_credential(header: str | None) -> str | None:
    """`credential_of` a header's value."""
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    match scheme.casefold():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return ""


async def principal_of(connection: Connection, access: Access) -> Principal | None:
    """Who asks, by token or by the session's cookie. Where a token is given, a cookie does not count.

    A cookie alone allows no unsafe request, unless the request proves by its form token that one of our
    own pages made it.

    Raises:
        PermissionDeniedException: the session is good, but the form token is missing or wrong.
    """
    credential = credential_of(connection)
    if credential is not None:
        return await access.principal_of_token(credential)
    principal = await access.principal_of_session(connection.cookies.get(SESSION_COOKIE, ""))
    scope: Mapping[str, Any] = cast(Mapping[str, Any], connection.scope)
    method = scope.get("method", "GET")
    if principal is None or method in SAFE_METHODS or await has_form_token(connection, access):
        return principal
    raise PermissionDeniedException(
        "This form is too old or not from here. Load the page again and repeat it."
    )


async def is_still_let_in(connection: Connection, access: Access) -> bool:
    """Whether whoever began to read may go on: a token may be revoked and a session end meanwhile. While
    the store cannot be asked, nobody is sent away."""
    try:
        return await principal_of(connection, access) is not None
    except StoreUnavailableError:
        return True


async def has_form_token(connection: Connection, access: Access, field: str = "") -> bool:
    """Whether the request carries the token of its cookie a second time, in the header or in `field`."""
    cookie = connection.cookies.get(FORM_COOKIE, "")
    repeated = connection.headers.get(FORM_HEADER, "") or field
    return bool(cookie) and cookie == repeated and await access.is_form_token(cookie)


async def require(connection: Connection, role: str) -> Principal:
    """The principal, where it has at least this role.

    Raises:
        NotAuthorizedException: nobody known asks.
        PermissionDeniedException: the role is not enough.
    """
    principal = await principal_of(connection, face_of(connection).engine.access)
    if principal is None:
        raise NotAuthorizedException("Send a token: `Authorization: Bearer tsn_…`.")
    if not may(principal, role):
        raise PermissionDeniedException(denied(principal, role))
    connection.scope["state"]["principal"] = principal
    return principal


def denied(principal: Principal, role: str) -> str:
    """Why a principal may not, in plain words."""
    if principal.role == "source":
        return "The token of a source can only send alerts."
    return f"This takes the role {role}; {principal.name} has the role {principal.role}."


def actor_of(principal: Principal, engine: Engine, acting_as: PersonId | None = None) -> Actor:
    """Under which name the principal acts: as the person of the roster that it is linked to; one that is
    linked to nobody (the command line of the server's own machine) as the person that it names."""
    who = principal.person or acting_as
    person = engine.library.roster.person(who) if who else None
    if person is not None:
        return Actor(ActorKind.PERSON, person.id, person.name)
    return Actor(ActorKind.PERSON, principal.name, principal.name)


def address_of(connection: Connection) -> str:
    """The address that the request came from, as the server saw it."""
    return connection.client.host if connection.client else "unknown"


def wants_html(connection: Connection) -> bool:
    """Whether a browser asks for a page, rather than a program for an answer."""
    path = connection.scope["path"]
    return "text/html" in connection.headers.get("accept", "") and not path.startswith(("/api/", "/in/"))
