"""The real world, as a check of a playbook asks it: only by looking. Nothing is written, run or sent."""

import asyncio
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import yaml

from tocsin.base.problems import ProblemsError
from tocsin.config.secrets import Secrets
from tocsin.engine.ports import Channel

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
COMPOSE_BYTES_MAX = 1024 * 1024

T = TypeVar("T")


class LiveWorld:
    """This machine and its network. `folder` is where a playbook's relative paths begin; `mail` is host and
    port of the mail server, None where there is none; `missing` says why there are no channels."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        channels: Mapping[str, Channel],
        read_secret: Secrets,
        references: Sequence[tuple[str, str]],
        mail: tuple[str, int] | None = None,
        missing: str = "",
    ) -> None:
        self._folder = folder
        self._environ = environ
        self._channels = channels
        self._read_secret = read_secret
        self._references = tuple(references)
        self._mail = mail
        self._missing = missing

    def references(self) -> Sequence[tuple[str, str]]:
        """The references to secrets in the settings."""
        return self._references

    async def program(self, name: str) -> str:
        """Whether a program is on the PATH."""
        path = self._environ.get("PATH", os.defpath)
        there = await _aside(lambda: shutil.which(name, path=path))
        return "" if there else "it is not on the PATH"

    async def services(self, file: str) -> frozenset[str] | None:
        """The services of a compose file."""
        return await _aside(lambda: self._services(file))

    def _services(self, file: str) -> frozenset[str] | None:
        if file:
            path = self._folder / file
        else:
            usual = (self._folder / name for name in COMPOSE_NAMES)
            path = next((each for each in usual if each.is_file()), None)
            if path is None:
                return None
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        with path.open("rb") as stream:
            content = stream.read(COMPOSE_BYTES_MAX + 1)
        if len(content) > COMPOSE_BYTES_MAX:
            raise ValueError(f"it has more than {COMPOSE_BYTES_MAX} bytes")
        return _defined(content)

    async def reach(self, host: str, port: int) -> str:
        """Whether a host has an address and takes connections."""
        try:
            found = await _aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            return f"its name leads nowhere ({getattr(error, 'strerror', None) or 'it is no name'})"
        why = "it has no address"
        for family, _, _, _, address in found[:4]:
            try:
                _, writer = await asyncio.open_connection(str(address[0]), port, family=family)
            except OSError as error:
                why = f"it takes no connection ({error.strerror or error})"
                continue
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return ""
        return why

    async def contact(self, kind: str, address: str) -> str:
        """Whether a contact method can be used. Nothing is sent."""
        channel = self._channels.get(kind)
        if channel is None:
            known = ", ".join(sorted(self._channels)) or "none"
            return self._missing or f"there is no channel {kind}; set up are {known}"
        if wrong := channel.check(address):
            return wrong
        if kind == "email" and self._mail is not None:
            wrong = await self.reach(*self._mail)
            return f"the mail server {self._mail[0]}:{self._mail[1]}: {wrong}" if wrong else ""
        parts = urlsplit(address) if re.match(r"https?://", address) else None
        if parts is not None and parts.hostname:
            return await self.reach(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        return ""

    async def secret(self, reference: str, field: str) -> str:
        """Whether a reference leads to a secret."""

        def look() -> str:
            try:
                self._read_secret(reference, field)
            except ProblemsError as error:
                return error.problems[0].message
            return ""

        return await _aside(look)

    async def variable(self, name: str) -> str:
        """Whether a name of the environment has a value."""
        return "" if self._environ.get(name) else "it has no value in the environment"


async def _aside(work: Callable[[], T]) -> T:
    """Do what may block in a thread of its own, which never keeps the program from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failed = error
        # The loop is gone where the answer came too late for anybody to wait for.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, daemon=True).start()
    return await future


def _defined(content: bytes) -> frozenset[str] | None:
    """The services of a compose file; None where it takes in others.

    Raises:
        ValueError: it is no compose file.
    """
    try:
        loaded: object = yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError("it is no YAML") from error
    if not isinstance(loaded, dict):
        raise ValueError("it is no mapping")
    document = cast(dict[str, Any], loaded)
    if "include" in document:
        return None
    services: object = document.get("services") or {}
    if not isinstance(services, dict):
        raise ValueError("its services are no mapping")
    return frozenset(str(name) for name in cast(dict[object, object], services))
