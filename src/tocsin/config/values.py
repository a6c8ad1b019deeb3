"""The kinds of values that settings have, each read from text and from TOML."""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from fractions import Fraction
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

from tocsin.base.times import humane, parse_duration
from tocsin.config.secrets import REFERENCE, REFERENCE_MEND
from tocsin.config.settings import Format, Level, Tls

T = TypeVar("T")

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*[A-Za-z]+[\s,]*)+|P[0-9A-Z.]+|0")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?\.?")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Kind(NamedTuple, Generic[T]):
    """How a value is read. `parse` takes text and raises a ValueError in words that hold no secret;
    `toml` are the types that TOML may give for it."""

    parse: Callable[[str], T]
    mend: str
    toml: tuple[type, ...] = (str,)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on this address."""
    if host.casefold().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """A host as it stands in a URL: IPv6 in brackets, and this machine for "every address"."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        if not _HOST.fullmatch(text):
            raise ValueError(f"{text!r} is no host name and no address") from None
        return text


def _port(text: str) -> int:
    if text.startswith("tcp://"):
        raise ValueError("a cluster has set this for a service of the name tocsin, and it is no port")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 65535:
        raise ValueError(f"{text[:40]!r} is no port")
    return int(text)


def _rate(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 10_000_000:
        raise ValueError(f"{text[:40]!r} is no number of requests from 1 to 10 000 000")
    return int(text)


def _flag(text: str) -> bool:
    if text.casefold() in _TRUE:
        return True
    if text.casefold() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address holds a user or a password")
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no address of a server")
    # The port is read only to have a wrong one refused.
    _ = parts.port
    return text.rstrip("/")


def _database_url(text: str) -> str:
    scheme = text.partition("://")[0].partition("+")[0]
    if "://" not in text or scheme not in ("sqlite", "postgresql", "postgres"):
        raise ValueError("the text is no address of an SQLite or PostgreSQL database")
    return text


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("the path holds a NUL character")
    return Path(text)


def _reference(text: str) -> str:
    if not REFERENCE.fullmatch(text):
        raise ValueError("the text is no reference to a secret")
    return text


def _sender(text: str) -> str:
    _, address = parseaddr(text)
    name, _, domain = address.rpartition("@")
    if not name or not domain or not text.isprintable() or not address.isascii():
        raise ValueError(f"{text!r} is no e-mail address")
    return text


def _span(least: timedelta, most: timedelta) -> Callable[[str], timedelta]:
    def parse(text: str) -> timedelta:
        span = None
        if text == "0":
            span = timedelta(0)
        elif _DURATION.fullmatch(text):
            try:
                span = parse_duration(text)
            except OverflowError:
                span = None
        if span is None:
            raise ValueError(f"{text!r} is no duration")
        if not least <= span <= most:
            raise ValueError(f"{text!r} is not from {humane(least)} to {humane(most)}")
        return span

    return parse


def _share(text: str) -> Fraction:
    try:
        share = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is no fraction") from None
    if not 0 < share <= 1 or share.denominator > 1_000_000:
        raise ValueError(f"{text!r} is not above 0 and at most 1")
    return share


def _one_of(words: tuple[T, ...]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        for word in words:
            if text.casefold() == word:
                return word
        raise ValueError(f"{text!r} is none of {', '.join(str(word) for word in words)}")

    return parse


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds a line break or another character that cannot be shown")
    return text


def span(least: timedelta, most: timedelta) -> Kind[timedelta]:
    """A duration within bounds."""
    return Kind(_span(least, most), 'Write a duration such as "90s" or "5m".')


HOST = Kind(_host, 'Write a host name or an address such as "127.0.0.1".')
PORT = Kind(_port, "Write a number from 1 to 65535.", (int, str))
FLAG = Kind(_flag, "Write true or false.", (bool,))
BASE_URL = Kind(_base_url, 'Write the address that people open, such as "https://tocsin.example.org".')
DATABASE_URL = Kind(_database_url, 'Write "sqlite:///data/tocsin.db", or "postgresql://USER@HOST/DATABASE".')
PATH = Kind(_path, "Write the path of a file or a directory.")
RATE = Kind(_rate, "Write how many requests one address may send in a minute, such as 6000.", (int,))
REF = Kind(_reference, REFERENCE_MEND)
SENDER = Kind(_sender, 'Write an address, such as "Tocsin <tocsin@example.org>".')
SHARE = Kind(_share, 'Write a fraction such as "1/3" or 0.5.', (str, float, int))
TEXT = Kind(_text, "Write text on one line.")
TLS: Kind[Tls] = Kind(_one_of(get_args(Tls)), 'Write "none", "starttls" or "tls".')
LEVEL: Kind[Level] = Kind(_one_of(get_args(Level)), 'Write "debug", "info", "warning" or "error".')
FORMAT: Kind[Format] = Kind(_one_of(get_args(Format)), 'Write "text" or "json".')
