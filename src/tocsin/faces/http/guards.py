"""Who may call what: one guard for each role, run before a body is read."""

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.requests import Connection, Face, address_of, credential_of, face_of, require

Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


def at_least(role: str) -> Guard:
    """A guard that lets in principals of this role and of those above it."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        await require(connection, role)

    return guard


async def require_token(connection: Connection, kind: str) -> None:
    """Let in any token, with bearer or basic, and the one that the settings give to this kind of source.
    Without a token only where the settings allow that and give the source none.

    Raises:
        NotAuthorizedException: the request has none of them.
    """
    if not await may_send(face_of(connection), kind, credential_of(connection)):
        raise NotAuthorizedException(
            "Send a token of the scope `source`, as bearer or as the password of basic authentication."
        )


async def may_send(face: Face, kind: str, credential: str | None) -> bool:
    """Whether a sender of alerts of this kind is let in (see `require_token`)."""
    own = face.source_tokens.get(kind)
    if credential is None:
        return face.allow_unauthenticated_sources and own is None
    if own and compare_digest(own.encode(), credential.encode()):
        return True
    principal = await face.engine.access.principal_of_token(credential, via="source")
    return principal is not None and may_tell(principal)


def may_tell(principal: Principal) -> bool:
    """Whether somebody may send alerts: senders may, and whoever works on incidents."""
    return principal.role == "source" or may(principal, "responder")


def look_at_alerts(kind: str) -> Guard:
    """A guard for reading alerts as from Alertmanager: it lets in viewers and those above them, and without a
    token this machine itself, where alerts may come without one too. `kind` is the source whose own token in
    the settings ends that."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        face = face_of(connection)
        is_open = face.allow_unauthenticated_sources and kind not in face.source_tokens
        is_local = _is_local_url(face.public_url) and is_this_machine(connection)
        if is_open and credential_of(connection) is None and is_local:
            return
        await require(connection, "viewer")

    return guard


async def metrics_guard(connection: Connection, _: BaseRouteHandler) -> None:
    """Lets in this machine itself, and any token from elsewhere."""
    if _is_from_here(connection):
        return
    credential = credential_of(connection)
    if credential is None or await face_of(connection).engine.access.principal_of_token(credential) is None:
        raise NotAuthorizedException("Metrics are for this machine itself, or for a token.")


def is_this_machine(connection: Connection) -> bool:
    """Whether the request comes from this machine, to an address of this machine, and through no proxy."""
    # A web page may have a name of its own lead here, but the browser then still says that name.
    try:
        host = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return _is_from_here(connection) and (host == "localhost" or _is_loopback(host))


def _is_local_url(url: str) -> bool:
    """Whether people reach the server only from this machine, by its own word."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or _is_loopback(host)


def _is_from_here(connection: Connection) -> bool:
    # A proxy on this machine speaks for others, and says so.
    if any(name in connection.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")):
        return False
    return _is_loopback(address_of(connection))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def principal_dependency(request: Connection) -> Principal:
    """The principal that the guard found."""
    found: Principal = request.scope["state"]["principal"]
    return found
