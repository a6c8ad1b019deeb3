"""Looking at things outside: a request over HTTP, a connection, a certificate, a name."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.inet
import dns.resolver
import httpx
from cryptography import x509

from tocsin.alerts.probes import DnsCheck, HttpCheck, Probe, TcpCheck, TlsCheck
from tocsin.base.expressions import Expression
from tocsin.base.times import humane, in_zone
from tocsin.engine.ports import Clock

BODY_BYTES_MAX = 256 * 1024
"""Of a longer answer only the beginning is looked at."""

AGENT = "Tocsin probe"
REDIRECTS_MAX = 5
NAMED_MAX = 5
"""How many values of a record are told."""

_VERIFY_WORDS = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is signed by itself",
    19: "one of its authorities is signed by itself and not trusted",
    20: "its authority is not trusted",
    21: "its authority is not trusted",
    62: "it is of another name",
    64: "it is of another address",
}
"""The codes of OpenSSL's X509_V_ERR, from x509_vfy.h."""


class NetProber:
    """Looks over the network of this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._contexts: dict[str, ssl.SSLContext] = {}
        # At its usual level this logger writes the whole address of each request, which may hold a secret.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    async def look(self, probe: Probe) -> str:
        """Look once (see the port)."""
        match probe.check:
            case HttpCheck():
                return await self._http(probe.check, probe.timeout)
            case TcpCheck():
                return await self._tcp(probe.check)
            case TlsCheck():
                return await self._tls(probe.check)
            case DnsCheck():
                return await _dns(probe.check, probe.timeout)

    async def _http(self, check: HttpCheck, timeout: timedelta) -> str:
        began = self._clock.now()
        try:
            context = await self._context(check.ca_file)
            async with httpx.AsyncClient(
                verify=context, timeout=timeout.total_seconds(), follow_redirects=False
            ) as client:
                status, body, led_to = await _asked(client, check)
        except httpx.TimeoutException:
            return f"no answer within {timeout.total_seconds():g} s"
        except httpx.TransportError as error:
            return _why_no_answer(error)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            return "the answer is no HTTP that can be read"
        except OSError as error:
            return f"the file of authorities cannot be read: {error.strerror or 'it holds none'}"
        took = self._clock.now() - began
        if status not in check.statuses:
            wanted = " or ".join(str(each) for each in check.statuses)
            onward = f", a redirect to {led_to}" if led_to else ""
            return f"it answered {status}{onward} instead of {wanted}"
        if check.body_has and check.body_has not in body:
            return f"the answer does not hold {check.body_has[:80]!r}"
        if check.body_matches and not Expression(check.body_matches).is_in(body):
            return f"the answer does not match {check.body_matches[:80]!r}"
        if check.slowest is not None and took > check.slowest:
            return f"it took {took.total_seconds():.2g} s, more than {check.slowest.total_seconds():g} s"
        return ""

    async def _tcp(self, check: TcpCheck) -> str:
        try:
            _, writer = await asyncio.open_connection(check.host, check.port)
        except OSError as error:
            return _why_no_connection(error)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return ""

    async def _tls(self, check: TlsCheck) -> str:
        try:
            context = await self._context(check.ca_file)
        except OSError as error:
            return f"the file of authorities cannot be read: {error.strerror or 'it holds none'}"
        try:
            _, writer = await asyncio.open_connection(
                check.host, check.port, ssl=context, server_hostname=check.name
            )
        except ssl.SSLCertVerificationError as error:
            why = _VERIFY_WORDS.get(error.verify_code, error.verify_message)
            return f"the certificate does not verify: {why}"
        except ssl.SSLError as error:
            return f"no TLS could be agreed on ({(error.reason or 'it broke off').lower().replace('_', ' ')})"
        except OSError as error:
            return _why_no_connection(error)
        session = writer.get_extra_info("ssl_object")
        content: bytes = session.getpeercert(binary_form=True) or b""
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ends_at = x509.load_der_x509_certificate(content).not_valid_after_utc
        left = ends_at - self._clock.now()
        if left < timedelta(days=check.days):
            return f"the certificate expires in {humane(left)}, at {in_zone(ends_at, 'UTC')}"
        return ""

    async def _context(self, ca_file: str) -> ssl.SSLContext:
        """What certificates are verified with. Reading the authorities takes a while, so it is done once."""
        if ca_file not in self._contexts:
            made = await asyncio.to_thread(ssl.create_default_context, cafile=ca_file or None)
            self._contexts[ca_file] = made
        return self._contexts[ca_file]


async def _asked(client: httpx.AsyncClient, check: HttpCheck) -> tuple[int, str, str]:
    """The status, the beginning of the body, and where a redirect leads that is not followed.

    The headers of the settings go to the host of the settings alone: they may hold secrets.
    """
    own = {"User-Agent": AGENT, **check.headers}
    request = client.build_request(check.method, check.url, headers=own)
    for hop in range(REDIRECTS_MAX + 1):
        response = await client.send(request, stream=True)
        try:
            onward = response.next_request
            if onward is None or not check.follow_redirects or hop == REDIRECTS_MAX:
                body = await _beginning(response)
                return response.status_code, body, _place(onward.url) if onward else ""
        finally:
            await response.aclose()
        same = _origin(onward.url) == _origin(httpx.URL(check.url))
        request = client.build_request(
            onward.method, onward.url, headers=own if same else {"User-Agent": AGENT}
        )
    raise AssertionError("the last hop returns")


async def _beginning(response: httpx.Response) -> str:
    content = b""
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) >= BODY_BYTES_MAX:
            break
    return content[:BODY_BYTES_MAX].decode(response.encoding or "utf-8", errors="replace")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}{url.path}"[:200]


def _why_no_answer(error: httpx.TransportError) -> str:
    """The kind of trouble. What the library says of it may quote the address."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = _VERIFY_WORDS.get(cause.verify_code, cause.verify_message)
            return f"its certificate does not verify: {why}"
    # The library's own OSError says nothing; one of the system has a number.
    told = next((each for each in causes if isinstance(each, OSError) and each.errno), None)
    if told is not None:
        return _why_no_connection(told)
    if isinstance(error, httpx.ConnectError):
        return "it takes no connection"
    return "the connection broke off before the answer was whole"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it."""
    seen: list[BaseException] = [error]
    for each in seen:
        yield each
        inner: Sequence[BaseException] = (
            cast("BaseExceptionGroup[BaseException]", each).exceptions
            if isinstance(each, BaseExceptionGroup)
            else ()
        )
        more = [*inner, each.__cause__, each.__context__]
        seen += [cause for cause in more if cause is not None and not any(cause is one for one in seen)]


def _why_no_connection(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name leads nowhere"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionResetError):
        return "the connection was cut off"
    return f"it takes no connection ({error.strerror or type(error).__name__})"


async def _dns(check: DnsCheck, timeout: timedelta) -> str:
    resolver = dns.asyncresolver.Resolver(configure=not check.server)
    if check.server:
        address = check.server
        if not dns.inet.is_address(address):
            try:
                found = await asyncio.get_running_loop().getaddrinfo(address, check.port)
            except OSError:
                return f"the name server {check.server} cannot be found"
            address = str(found[0][4][0])
        resolver.nameservers = [address]
        resolver.port = check.port
    try:
        answer = await resolver.resolve(
            check.name, check.record, lifetime=timeout.total_seconds(), search=False
        )
    except dns.resolver.NXDOMAIN:
        return "there is no such name"
    except dns.resolver.NoAnswer:
        return f"the name has no record of the type {check.record}"
    except dns.exception.Timeout:
        return f"no name server answered within {timeout.total_seconds():g} s"
    except dns.resolver.NoNameservers:
        return "the name servers refuse or fail"
    except dns.exception.DNSException:
        return "the name or the answer cannot be read"
    values = [_value(each.to_text()) for each in answer]
    missing = [each for each in check.expected if _value(each) not in values]
    if missing:
        there = ", ".join(sorted(values)[:NAMED_MAX])
        return f"{missing[0]} is not among the records; there are: {there}"
    return ""


def _value(text: str) -> str:
    """A value as it is compared: without quotes, case and the dot at the end."""
    return text.replace('" "', "").strip('"').rstrip(".").casefold()
