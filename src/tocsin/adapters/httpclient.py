"""The one way out over HTTP: time limits, no redirects, and no address in a log or an error."""

import asyncio
import logging
from urllib.parse import urlsplit

import httpx

from tocsin.engine.ports import DeliveryError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
CONNECTIONS_MAX = 20

_RETRIED = frozenset({408, 425, 429})


def new_client() -> httpx.AsyncClient:
    """A client with time limits, which refuses redirects: one could carry a signed body elsewhere."""
    # At its usual level this logger writes the whole address of each request, which may hold a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        follow_redirects=False,
    )


def redact(url: str) -> str:
    """The part of an address that may be shown: scheme, host and port. The rest may hold secrets."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the address"
    if not parts.hostname:
        return "the address"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def check_url(url: str) -> str | None:
    """What is wrong with an address to send to, in one sentence; None when it will do."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable or not url.isascii() or any(each.isspace() for each in url):
        return "The address is no http:// or https:// address."
    return None


async def post(client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> str:
    """Send a body, and say what the other side answered.

    Raises:
        DeliveryError: it did not arrive, or the answer is not a 2xx.
    """
    place = redact(url)
    try:
        async with client.stream("POST", url, content=body, headers=headers) as response:
            return _answer(response, place)
    except httpx.ConnectTimeout:
        raise DeliveryError(
            f"{place} cannot be reached: no answer in {CONNECT_SECONDS:g} s", retry=True
        ) from None
    except httpx.TimeoutException:
        raise DeliveryError(f"{place} did not answer in {ANSWER_SECONDS:g} s", retry=True) from None
    except httpx.TransportError as error:
        why = _why(error)
        raise DeliveryError(f"{place} cannot be reached: {why}", retry=True) from None
    except (httpx.InvalidURL, httpx.HTTPError, UnicodeError):
        mend = "correct the address in the roster"
        raise DeliveryError("the address cannot be used", retry=False, mend=mend) from None


class UnreachableError(Exception):
    """The other side did not answer, or not as it should. The message is fit to be shown."""


async def get(client: httpx.AsyncClient, url: str, bytes_max: int) -> bytes:
    """What stands at an address.

    Raises:
        UnreachableError: nothing came, the answer is not a 2xx, or larger than `bytes_max`.
    """
    place = redact(url)
    try:
        async with asyncio.timeout(ANSWER_SECONDS), client.stream("GET", url) as response:
            if not response.is_success:
                raise UnreachableError(f"{place} answered {response.status_code}")
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > bytes_max:
                    raise UnreachableError(f"{place} answered with more than {bytes_max} bytes")
            return body
    except (httpx.TimeoutException, TimeoutError):
        raise UnreachableError(f"{place} did not answer in {ANSWER_SECONDS:g} s") from None
    except httpx.TransportError as error:
        raise UnreachableError(f"{place} cannot be reached: {_why(error)}") from None
    except (httpx.InvalidURL, httpx.HTTPError, UnicodeError):
        raise UnreachableError("the address cannot be used") from None


def _answer(response: httpx.Response, place: str) -> str:
    said = f"{place} answered {response.status_code}"
    if response.is_success:
        return said
    if response.is_redirect:
        mend = "put the address that it leads to into the roster"
        raise DeliveryError(f"{said}, a redirect, which is not followed", retry=False, mend=mend)
    if response.status_code in _RETRIED or response.is_server_error:
        wait = response.headers.get("retry-after", "")
        asked = (
            f", and asks to wait {wait[:40]}{' s' if wait.isdigit() else ''}"
            if wait.isprintable() and wait
            else ""
        )
        raise DeliveryError(f"{said}{asked}", retry=True)
    mend = "see why the receiver refuses it, and correct the address or the secret"
    raise DeliveryError(said, retry=False, mend=mend)


def _why(error: httpx.TransportError) -> str:
    """The kind of trouble. What the library says of it may quote the address."""
    match error:
        case httpx.ConnectError():
            cause = str(error)
            if "CERTIFICATE" in cause.upper():
                return "its certificate does not verify"
            if "Name or service" in cause or "getaddrinfo" in cause or "resolution" in cause:
                return "its name is unknown"
            return "the connection was refused"
        case httpx.UnsupportedProtocol():
            return "its protocol is not supported"
        case httpx.ProxyError():
            return "the proxy refused"
        case _:
            return "the connection broke"
