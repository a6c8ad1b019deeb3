"""The one way out over HTTP: time limits, no redirects, and no address in a log or an error."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httpx
import msgspec

from tocsin.engine.ports import DeliveryError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
CONNECTIONS_MAX = 20
WHY_CHARS_MAX = 200

ANSWER_BYTES_MAX = 64 * 1024
"""So much of an answer is read; what services answer is far shorter."""

_RETRIED = frozenset({408, 425, 429})


class Answer(NamedTuple):
    """What a service answered: its status, its JSON object (empty where it is none), and how long it asks
    to wait in seconds, as it wrote it ("" where it does not ask). `place` is its address, fit to be shown."""

    status: int
    body: dict[str, Any]
    wait: str
    place: str


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
    with _told(place):
        async with client.stream("POST", url, content=body, headers=headers) as response:
            return _answer(response, place)


async def ask(
    client: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    method: str = "POST",
    auth: tuple[str, str] | None = None,
) -> Answer:
    """Send a request, and give back what was answered, whatever its status.

    Raises:
        DeliveryError: nothing was answered, or a redirect, which is not followed.
    """
    place = redact(url)
    with _told(place):
        async with client.stream(method, url, content=body, headers=headers, auth=auth) as response:
            if response.is_redirect:
                _answer(response, place)
            read = b""
            async for chunk in response.aiter_bytes():
                read += chunk
                if len(read) > ANSWER_BYTES_MAX:
                    break
            return Answer(response.status_code, _object(read), response.headers.get("retry-after", ""), place)


def judge(answer: Answer, why: str = "", mend: str = "") -> str:
    """In a few words what was answered, where that is a 2xx. `why` is what the service says of a refusal,
    `mend` what to do about it.

    Raises:
        DeliveryError: it is another; one that may pass is tried again.
    """
    said = f"{answer.place} answered {answer.status}"
    if 200 <= answer.status < 300:
        return said
    shown = "".join(each for each in why if each.isprintable())[:WHY_CHARS_MAX]
    reason = f"{said}: {shown}" if shown else said
    if answer.status in _RETRIED or answer.status >= 500:
        wait = f", and asks to wait {answer.wait[:40]} s" if answer.wait.isdigit() else ""
        raise DeliveryError(f"{reason}{wait}", retry=True)
    raise DeliveryError(reason, retry=False, mend=mend or "correct the address in the roster, or the token")


def _object(read: bytes) -> dict[str, Any]:
    try:
        decoded: object = msgspec.json.decode(read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}


@contextmanager
def _told(place: str) -> Generator[None, None, None]:
    """Whatever goes wrong on the way, as a `DeliveryError` that shows no address."""
    try:
        yield
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
