"""A mail as an alert: its subject, its text, and what is known of who sent it.

MIME is read with the standard library, within bounds: a part that cannot be decoded is read as it stands,
attachments are named and never opened.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Any

import msgspec

from tocsin.adapters.inbound.subjects import read_subject
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.engine.sources import Mail

KIND = "email"
PARTS_MAX = 100
HTML_CHARS_MAX = 20_000
ATTACHMENTS_MAX = 20
REFERENCES_MAX = 50
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,300}>")
_OUR_ID = re.compile(r"\.(?:[0-9a-f]{16}|thread)@(?P<host>[^>]{1,255})>$")
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "pre", "hr"})
_NOT_OF_MAIL = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
"""Codecs of Python that no mail is written in; some take very long over a long text."""

_SKIPPED = frozenset({"script", "style", "head", "title"})


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it was read. `auto` is its Auto-Submitted in lower case; empty where a person wrote it."""

    sender: str
    subject: str
    message_id: str
    refers_to: tuple[str, ...]
    dedup_key: str
    auto: str
    text: str
    attachments: tuple[str, ...]


def read_message(content: bytes) -> Received:
    """Read a mail. Whatever it holds, something comes of it."""
    try:
        message: Message[Any, Any] = message_from_bytes(content)
        text, attachments = _content(message)
    except (RecursionError, ValueError, LookupError, AssertionError):
        # Nested too deeply, or broken in a way that the library does not know: the head is still good.
        message = BytesHeaderParser().parsebytes(content)
        text, attachments = content.decode(errors="replace").partition("\r\n\r\n")[2], ()
    addresses = getaddresses([_header(message, "From")[:2_000]])
    ids = _MESSAGE_ID.findall(_header(message, "Message-ID")[:2_000])
    refers = _MESSAGE_ID.findall(f"{_header(message, 'References')} {_header(message, 'In-Reply-To')}")
    auto = _header(message, "Auto-Submitted").partition(";")[0].strip().casefold()
    return Received(
        sender=next((address.casefold() for _, address in addresses if "@" in address), "")[:254],
        subject=" ".join(_header(message, "Subject").split())[: limits.title_chars_max],
        message_id=ids[0] if ids else "",
        refers_to=tuple(dict.fromkeys(reversed(refers[-REFERENCES_MAX:]))),
        dedup_key=_header(message, "X-Dedup-Key").strip()[:200],
        auto="" if auto == "no" else auto,
        text=_clean(text)[: limits.annotation_chars_max],
        attachments=attachments,
    )


def is_ours(mail: Received, hosts: Sequence[str], senders: Sequence[str]) -> bool:
    """Whether it is a page of our own that comes back, or an answer to one."""
    if mail.sender and mail.sender in senders:
        return True
    named = (_OUR_ID.search(each) for each in (mail.message_id, *mail.refers_to))
    return any(found is not None and found["host"].casefold() in hosts for found in named)


def mail_of(
    received: Received,
    recipient: str,
    labels: Mapping[str, str],
    proofs: Mapping[str, str],
    at: datetime,
    clearing: Sequence[str] = (),
) -> Mail:
    """The alert that a mail to an address is. `labels` are those of the address, `proofs` the results of
    DKIM and SPF; `at` is when it came (UTC)."""
    subject = read_subject(received.subject, clearing)
    about = subject.about or _first_line(received.text) or "Mail without a subject"
    key = received.dedup_key or subject.key
    if not key:
        # Mails that say nothing of what they are about are not the same alert.
        key = f"subject {subject.about.casefold()}" if subject.about else f"id {received.message_id} {at}"
    annotations = {"summary": received.subject or about, "description": received.text}
    if received.attachments:
        annotations["attachments"] = ", ".join(received.attachments)
    return Mail(
        alert=Alert(
            fingerprint=fingerprint({"": f"mail/{recipient}/{key}"}),
            status=AlertStatus.RESOLVED if subject.clears else AlertStatus.FIRING,
            labels={
                "alertname": about,
                "sender": received.sender or "unknown",
                **labels,
                **proofs,
                "recipient": recipient,
            },
            annotations={name: text for name, text in annotations.items() if text},
            starts_at=at,
            received_at=at,
            source=KIND,
            ends_at=at if subject.clears else None,
        ),
        message_id=received.message_id,
        refers_to=received.refers_to,
        is_reply=subject.is_reply and not subject.clears,
    )


def _header(message: "Message[Any, Any]", name: str) -> str:
    """All of the header, decoded as far as it can be."""
    raw: object = message.get(name, "")
    try:
        pieces = decode_header(str(raw)[:8_000])
    except (ValueError, AssertionError, LookupError):
        return _clean(str(raw))
    return _clean("".join(_decoded(piece, charset) for piece, charset in pieces))


def _decoded(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    name = (charset or "utf-8").casefold().replace("-", "_")
    try:
        return piece.decode("utf-8" if name in _NOT_OF_MAIL else name, errors="replace")
    except (LookupError, ValueError):
        return piece.decode("utf-8", errors="replace")


def _content(message: "Message[Any, Any]") -> tuple[str, tuple[str, ...]]:
    """The text, plain before HTML, and the names of the attachments."""
    plain, rich = "", ""
    attachments: list[str] = []
    for part in _parts(message):
        if part.is_multipart():
            continue
        name, kind = part.get_filename(), part.get_content_type()
        if kind.startswith("multipart/"):
            # It says that it has parts, and has none that can be found.
            kind = "text/plain"
        if name or part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            if len(attachments) < ATTACHMENTS_MAX:
                attachments.append(" ".join(_clean(str(name or kind)).split())[:100])
        elif kind == "text/html":
            rich = rich or _text_of(part)
        else:
            plain = plain or _text_of(part)
    text = plain if plain.strip() else _words(rich)
    return text.strip(), tuple(attachments)


def _parts(message: "Message[Any, Any]") -> "Iterator[Message[Any, Any]]":
    for number, part in enumerate(message.walk()):
        if number >= PARTS_MAX:
            return
        yield part


def _text_of(part: "Message[Any, Any]") -> str:
    raw: object = part.get_payload(decode=True)
    if isinstance(raw, bytes) and raw:
        return _decoded(raw, part.get_content_charset("utf-8"))
    as_it_stands: object = part.get_payload()
    return as_it_stands if isinstance(as_it_stands, str) else ""


class _Words(HTMLParser):
    """Takes the words out of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A new line before what stands by itself."""
        self._skipped += tag in _SKIPPED
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """And one after it."""
        self._skipped = max(self._skipped - (tag in _SKIPPED), 0)
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep the words, but not those of scripts and styles."""
        if not self._skipped:
            self.pieces.append(data)


def _words(markup: str) -> str:
    parser = _Words()
    parser.feed(markup[:HTML_CHARS_MAX])
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _first_line(text: str) -> str:
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return line[: limits.title_chars_max]


def _clean(text: str) -> str:
    """Text that can be stored: no NUL, no other control characters, no halves of characters."""
    kept = "".join(each if each >= " " or each in "\n\t" else " " for each in text.replace("\r\n", "\n"))
    return kept.encode(errors="replace").decode()
