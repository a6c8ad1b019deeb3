"""Texts that Tocsin signs for itself: the links of pages, and the proof that a form is our own."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from tocsin.base.ids import IncidentId, PageId, PersonId, parse_incident_id

TOKEN_CHARS_MAX = 1_000


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal. Enough for secrets of 32 random bytes, never for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()


def seal(key: str, purpose: str, text: str) -> str:
    """The HMAC-SHA256 of a text for one purpose, URL-safe."""
    signed = hmac.new(key.encode(), f"{purpose}\0{text}".encode(), hashlib.sha256)
    return _encode(signed.digest())


def sealed(key: str, purpose: str, text: str, seal_: str) -> bool:
    """Whether the HMAC belongs to the text, compared in constant time."""
    return hmac.compare_digest(seal(key, purpose, text).encode(), seal_.encode())


def page_token(key: str, page: PageId, person: PersonId) -> str:
    """The last part of a page's link: whom it acknowledges for, signed."""
    claim = _encode(msgspec.json.encode([page, person]))
    return f"{claim}.{seal(key, 'page', claim)}"


def read_page_token(key: str, token: str) -> tuple[IncidentId, PageId, PersonId] | None:
    """What a page's link stands for; None where Tocsin did not sign it."""
    claim, _, signature = token.partition(".")
    if len(token) > TOKEN_CHARS_MAX or not token.isascii() or not sealed(key, "page", claim, signature):
        return None
    page, person = msgspec.json.decode(_decode(claim), type=tuple[str, str])
    incident = parse_incident_id(page.partition("/")[0])
    return (incident, PageId(page), PersonId(person)) if incident else None


def report_token(key: str, report: str) -> str:
    """The last part of the link to what became of a report, signed."""
    return f"{report}.{seal(key, 'report', report)}"


def read_report_token(key: str, token: str) -> str | None:
    """The report that such a link is for; None where Tocsin did not sign it."""
    report, _, signature = token.partition(".")
    good = len(token) <= TOKEN_CHARS_MAX and token.isascii() and sealed(key, "report", report, signature)
    return report if good else None


def form_token(key: str, nonce: str) -> str:
    """A value for a cookie and a hidden field, which only this server can make."""
    return f"{nonce}.{seal(key, 'form', nonce)}"


def is_form_token(key: str, token: str) -> bool:
    """Whether this server made the value."""
    nonce, _, signature = token.partition(".")
    return len(token) <= TOKEN_CHARS_MAX and token.isascii() and sealed(key, "form", nonce, signature)


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
