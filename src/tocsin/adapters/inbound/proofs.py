"""Who really sent a mail: DKIM (RFC 6376) and SPF (RFC 7208), each with a result of one word.

A proof counts for the address that people see only where it is of the same domain ("aligned", as DMARC calls
it, RFC 7489, section 3.1): anybody can sign with a domain of their own.
"""

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable
from email.parser import BytesHeaderParser
from typing import Any, Protocol, cast

import dkim  # pyright: ignore[reportMissingTypeStubs]
import dns.exception
import dns.resolver
import msgspec
import spf  # pyright: ignore[reportMissingTypeStubs]
import structlog

log = structlog.get_logger(__name__)

SECONDS_MAX = 10.0
"""For all look-ups of one mail together; what is not known by then is a "temperror"."""

LOOKUP_SECONDS_MAX = 5.0
SIGNATURES_MAX = 3
VOID_LOOKUPS_MAX = 2
"""RFC 7208, section 4.6.4."""

_DKIM, _SPF = cast(Any, dkim), cast(Any, spf)
_SILENT = logging.getLogger("tocsin.dkim")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a mail from the conversation: the client's address, its name, and MAIL FROM."""

    client: str
    helo: str
    mail_from: str


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """The results: `pass`, `fail`, `none`, or `temperror` where the name service did not answer in time; of
    SPF also `softfail`, `neutral` and `permerror`. The flags say whether a pass is aligned."""

    dkim: str = "none"
    spf: str = "none"
    dkim_aligned: bool = False
    spf_aligned: bool = False


class Prover(Protocol):
    """Finds out who sent a mail."""

    async def prove(self, content: bytes, envelope: Envelope, sender: str) -> Proved:
        """The results for a mail whose From is `sender`; it never fails and takes a bounded time."""
        ...


class DnsProver:
    """Asks the name service. `resolver` is that of this machine where none is given."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None, seconds: float = SECONDS_MAX) -> None:
        self._resolver = resolver
        self._seconds = seconds

    async def prove(self, content: bytes, envelope: Envelope, sender: str) -> Proved:
        """Look at both proofs side by side."""
        until = time.monotonic() + self._seconds
        domain = sender.rpartition("@")[2]
        signed, allowed = await asyncio.gather(
            self._within(lambda: self._dkim(content, domain, until)),
            self._within(lambda: self._spf(envelope, domain, until)),
        )
        return Proved(dkim=signed[0], dkim_aligned=signed[1], spf=allowed[0], spf_aligned=allowed[1])

    async def _within(self, work: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
        try:
            async with asyncio.timeout(self._seconds + 1):
                return await asyncio.to_thread(work)
        except TimeoutError:
            return "temperror", False
        except Exception:
            # Both libraries read what strangers write; whatever they stumble over is no proof.
            log.warning("a proof of a mail could not be looked at", exc_info=True)
            return "fail", False

    def _dkim(self, content: bytes, domain: str, until: float) -> tuple[str, bool]:
        head = BytesHeaderParser().parsebytes(content)
        count = len(head.get_all("DKIM-Signature", []))
        best = "fail" if count else "none"

        def key(name: bytes | str, timeout: float = LOOKUP_SECONDS_MAX) -> bytes | None:
            text = name.decode("ascii", errors="replace") if isinstance(name, bytes) else name
            found = self._ask(text, "TXT", until)
            return b"".join(found[0]) if found else None

        for index in range(min(count, SIGNATURES_MAX)):
            signature = _DKIM.DKIM(content, logger=_SILENT, timeout=LOOKUP_SECONDS_MAX)
            try:
                good = signature.verify(idx=index, dnsfunc=key)
            except _Unanswered:
                best = "temperror" if best != "pass" else best
                continue
            except _DKIM.DKIMException:
                good = False
            if good:
                best = "pass"
                if is_aligned((signature.domain or b"").decode("ascii", errors="replace"), domain):
                    return "pass", True
        return best, False

    def _spf(self, envelope: Envelope, domain: str, until: float) -> tuple[str, bool]:
        try:
            ipaddress.ip_address(envelope.client)
        except ValueError:
            return "none", False
        query = _query(lambda name, record: self._ask(name, record, until))
        asked = query(
            i=envelope.client,
            s=envelope.mail_from,
            h=envelope.helo,
            timeout=LOOKUP_SECONDS_MAX,
            querytime=self._seconds,
        )
        result = str(asked.check()[0])
        proved = envelope.mail_from.rpartition("@")[2] or envelope.helo
        return result, result == "pass" and is_aligned(proved, domain)

    def _ask(self, name: str, record: str, until: float) -> list[Any]:
        """The values of a record: texts of addresses and names, pairs for MX, tuples of bytes for TXT.

        Raises:
            _Unanswered: no name server answered in time.
        """
        left = min(until - time.monotonic(), LOOKUP_SECONDS_MAX)
        if left <= 0:
            raise _Unanswered("the time is over")
        resolver = self._resolver or dns.resolver.get_default_resolver()
        try:
            answer = resolver.resolve(name, record, lifetime=left, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.Timeout, dns.resolver.NoNameservers) as error:
            raise _Unanswered(type(error).__name__) from None
        except (dns.exception.DNSException, UnicodeError):
            return []
        return [_value(each, record) for each in answer]


class _Unanswered(Exception):  # noqa: N818 - it never leaves this module
    """No name server answered."""


def _value(found: Any, record: str) -> Any:
    match record:
        case "TXT" | "SPF":
            return found.strings
        case "MX":
            return found.preference, found.exchange.to_text(True)
        case "PTR":
            return found.target.to_text(True)
        case _:
            return found.to_text()


def _query(ask: Callable[[str, str], list[Any]]) -> Any:
    """The library's query over our own look-ups, whose number and time are bounded."""

    class Query(_SPF.query):
        def dns(self, name: Any, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:
            text = str(name).rstrip(".").lower()
            if not text or not all(0 < len(each) < 64 for each in text.split(".")):
                return []
            if (text, qtype) not in self.cache:
                try:
                    self.cache[text, qtype] = ask(text, qtype)
                except _Unanswered as error:
                    raise _SPF.TempError(f"DNS {error}") from None
            found: list[Any] = self.cache[text, qtype]
            if not found and not ignore_void:
                self.void = getattr(self, "void", 0) + 1
                if self.void > VOID_LOOKUPS_MAX:
                    raise _SPF.PermError("too many names lead nowhere")
            return found

    return Query


def is_aligned(proved: str, domain: str) -> bool:
    """Whether a proof of one domain counts for another: they are the same, or one is within the other."""
    one, other = proved.casefold().strip("."), domain.casefold().strip(".")
    if not one or not other or "." not in one or "." not in other:
        return False
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
