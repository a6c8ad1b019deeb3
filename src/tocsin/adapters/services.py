"""What channels over the HTTP services of others share: their client, and a letter as plain text."""

import hashlib
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tocsin.adapters.httpclient import check_url, new_client
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Settings
from tocsin.config.tables import read_table
from tocsin.engine.ports import Outgoing

CUT = "…"

Own = TypeVar("Own", bound=msgspec.Struct)


def set_up(settings: Settings, kind: str, shape: type[Own]) -> Own | None:
    """The channel's own table of the settings; None where it is not set up.

    Raises:
        ProblemsError: something in it is wrong.
    """
    table = settings.channels.get(kind)
    return None if table is None else read_table(table, shape, f"channels.{kind}")


class HttpService:
    """Keeps one client for the life of a channel; made when it is first needed, in the loop that uses it."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """The client."""
        if self._client is None:
            self._client = new_client()
        return self._client

    async def close(self) -> None:
        """Close the connections that are kept for the next delivery."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class TokenService(HttpService):
    """A service at an address of its own, which lets in by a token."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self._url = url
        self._token = token


def body_text(outgoing: Outgoing, chars_max: int, *, subject: bool, link: bool) -> str:
    """The letter as plain text of at most so many characters, with or without its subject before it. A link
    at its end is never cut off."""
    letter = outgoing.letter
    lines = [letter.subject, "", *letter.lines] if subject else list(letter.lines)
    text = "\n".join(lines).strip()
    tail = f"\n\n{outgoing.link}" if link and outgoing.link else ""
    room = chars_max - len(tail)
    return (text if len(text) <= room else text[: max(room - 1, 0)] + CUT) + tail


def shortened(text: str, chars_max: int) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= chars_max else line[: chars_max - 1] + CUT


def stable_id(key: str) -> str:
    """An identifier that is the same for every attempt of a delivery, of letters and digits only."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def in_path(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")


def base_url(url: str, field: str) -> str:
    """The address of a service from the settings, without a slash at its end.

    Raises:
        ProblemsError: it is no http or https address.
    """
    if (wrong := check_url(url)) is not None:
        mend = "Write the address of the service, such as https://push.example.org."
        raise ProblemsError([Problem(code="bad-setting", field=field, message=wrong, mend=mend)])
    return url.rstrip("/")
