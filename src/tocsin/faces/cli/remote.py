"""The client of a running server: addresses, tokens, errors in plain words, and the live timeline."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import httpx

from tocsin.faces.cli.errors import REFUSED, UNREACHABLE, CliError, usage

DEFAULT_URL = "http://127.0.0.1:8800"
TOKEN_FILE = "cli.token"
"""The server writes it into its data directory, for commands on the same machine."""

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_FOLLOW_SECONDS = 90.0
"""The server sends at least a comment far more often than this while a timeline is followed."""


_MENDS = {
    "no-person": "Say who you are with --as PERSON, or set TOCSIN_PERSON; `tocsin oncall` shows people."
}
"""What to do about a problem, where the command line has a better way than the API."""


class LostError(Exception):
    """The stream of a timeline ended; it can be taken up again after the last entry that was seen."""


def is_loopback(url: httpx.URL) -> bool:
    """Whether the address is this machine."""
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False


def find_token(url: httpx.URL, token_file: Path | None, data: Path) -> tuple[str, str]:
    """The token to use, and where it was found: `--token-file`, TOCSIN_TOKEN, else the one that a server on
    this machine left in its data directory. That last one is never sent to another machine.

    Raises:
        CliError: `--token-file` cannot be read.
    """
    if token_file is not None:
        try:
            return token_file.read_text(encoding="utf-8").strip(), str(token_file)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise usage(f"The token file {token_file} cannot be read: {reason}.") from error
    if token := os.environ.get("TOCSIN_TOKEN", "").strip():
        return token, "TOCSIN_TOKEN"
    if is_loopback(url):
        kept = data / TOKEN_FILE
        try:
            return kept.read_text(encoding="utf-8").strip(), str(kept)
        except (OSError, UnicodeDecodeError):
            return "", ""
    return "", ""


def read_url(text: str) -> httpx.URL:
    """The address of a server.

    Raises:
        CliError: it is none.
    """
    try:
        url = httpx.URL(text.rstrip("/"))
    except httpx.InvalidURL as error:
        raise usage(f"{text!r} is no address of a server.", f"Write one such as {DEFAULT_URL}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise usage(f"{text!r} is no address of a server.", f"Write one such as {DEFAULT_URL}.")
    return url


class Remote:
    """A server, as far as the command line speaks with it. Every failure is a `CliError` in plain words."""

    def __init__(self, url: httpx.URL, token: str, token_from: str) -> None:
        self.url = url
        self._token_from = token_from
        # One command is one question or two: a connection that is kept would only have to be let go of.
        headers = {"User-Agent": "tocsin-cli", "Accept": "application/json", "Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            self._client = httpx.Client(
                base_url=url,
                headers=headers,
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                # A proxy of the environment is for other machines; it cannot reach this one's loopback.
                trust_env=not is_loopback(url),
            )
        except UnicodeEncodeError as error:
            raise usage(f"The token of {token_from} holds characters that no token has.") from error

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON document at a path under `/api/v1`."""
        wanted = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        return self._document(self._ask("GET", path, params=wanted))

    def get_text(self, path: str, accept: str) -> str:
        """The text at a path, in the media type that is asked for."""
        return self._ask("GET", path, headers={"Accept": accept}).text

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a JSON document; the answer is one too, or None where it is empty."""
        answer = self._ask("POST", path, json=dict(body))
        return self._document(answer) if answer.content else None

    def delete(self, path: str) -> Any:
        """Delete what is at a path; the answer is a JSON document, or None where it is empty."""
        answer = self._ask("DELETE", path)
        return self._document(answer) if answer.content else None

    def follow(self, path: str, after: int) -> Iterator[dict[str, Any]]:
        """The lines of a timeline with a `seq` above `after`, then each new one as it happens.

        Raises:
            LostError: the server went away, or closed the stream.
            CliError: it refused.
        """
        headers = {"Accept": "text/event-stream"}
        if after:
            headers["Last-Event-ID"] = str(after)
        timeout = httpx.Timeout(_FOLLOW_SECONDS, connect=_CONNECT_SECONDS)
        request = {"params": {"after": after}, "headers": headers, "timeout": timeout}
        try:
            with self._client.stream("GET", f"/api/v1{path}", **cast(dict[str, Any], request)) as answer:
                if answer.status_code >= 400:
                    answer.read()
                self._refuse(answer)
                if "text/event-stream" not in answer.headers.get("content-type", ""):
                    raise self._no_tocsin()
                yield from read_events(answer.iter_lines())
        except (httpx.TransportError, httpx.StreamError) as error:
            raise LostError(str(error)) from error
        raise LostError("the server closed the stream")

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, f"/api/v1{path}", **request)
        except httpx.TimeoutException as error:
            raise CliError(
                f"Tocsin at {self.url} did not answer in time.",
                "What was asked may still have been done: look before you ask again.",
                exit_code=UNREACHABLE,
            ) from error
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        self._refuse(answer)
        return answer

    def unreachable(self, error: Exception) -> CliError:
        """The error of a server that does not answer."""
        start = (
            "Start it with `tocsin serve`, or"
            if is_loopback(self.url)
            else "Check the address and the network, or"
        )
        why = "" if is_loopback(self.url) or not str(error) else f" ({error})"
        return CliError(
            f"No Tocsin answers at {self.url}{why}.",
            f"{start} name the server with --server or TOCSIN_URL.",
            exit_code=UNREACHABLE,
        )

    def _no_tocsin(self) -> CliError:
        mend = "Name the address of the server with --server or TOCSIN_URL."
        return CliError(f"What answers at {self.url} is not Tocsin.", mend, exit_code=UNREACHABLE)

    def _document(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise self._no_tocsin() from error

    def _refuse(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status < 300:
            return
        if status < 400:
            raise CliError(
                f"{self.url} sends on to {answer.headers.get('location', 'another address')}.",
                "Name the last address itself with --server or TOCSIN_URL.",
                exit_code=UNREACHABLE,
            )
        problem = _problem_of(answer)
        if status == 401:
            raise self._not_known(problem)
        if problem is None:
            if status >= 500:
                raise CliError(f"The server at {self.url} failed ({status}).", "Its own log says why.")
            raise self._no_tocsin()
        detail = str(problem.get("detail") or problem.get("title") or f"The server refused ({status}).")
        raise CliError(detail, *_mends(problem, detail), exit_code=REFUSED)

    def _not_known(self, problem: Mapping[str, Any] | None) -> CliError:
        mend = (
            "Put a token into TOCSIN_TOKEN or name its file with --token-file; on the server's machine, "
            f"run this where its data directory is, or set TOCSIN_DATA ({TOKEN_FILE} in it is used)."
        )
        if self._token_from:
            return CliError(f"The server does not accept the token of {self._token_from}.", mend)
        detail = str((problem or {}).get("detail") or "")
        return CliError("The server wants a token, and none was found.", detail, mend)


def _problem_of(answer: httpx.Response) -> Mapping[str, Any] | None:
    try:
        document: object = answer.json()
    except ValueError:
        return None
    known = isinstance(document, dict) and (
        "detail" in document or "title" in document or "status" in document
    )
    return cast(Mapping[str, Any], document) if known else None


def _mends(problem: Mapping[str, Any], detail: str) -> Iterator[str]:
    if mend := problem.get("mend"):
        yield str(mend)
    listed: object = problem.get("problems")
    for each in cast(list[object], listed) if isinstance(listed, list) else []:
        if not isinstance(each, dict):
            continue
        fields = cast(Mapping[str, Any], each)
        message = str(fields.get("message") or "")
        mend = _MENDS.get(str(fields.get("code")), str(fields.get("mend") or ""))
        named = str(fields.get("field") or "")
        place = f"{named}: " if named and named not in message else ""
        said = "" if message == detail else f"{place}{message}"
        yield " ".join(part for part in (said, mend) if part)


def read_events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events; comments and anything else are passed over."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            try:
                document: object = json.loads("\n".join(data))
            except ValueError:
                document = None
            data.clear()
            if isinstance(document, dict):
                yield cast(dict[str, Any], document)
