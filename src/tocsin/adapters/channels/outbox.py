"""The channel `outbox`: one line of JSON per delivery, at the end of a local file. For trying out."""

import asyncio
import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from tocsin.base.times import format_instant
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, DeliveryError, Outgoing

KIND = "outbox"
_MODE = 0o600
"""The links in the file acknowledge for their person, so that only our own user may read it."""


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; it needs no secret."""
    del secret
    return OutboxChannel(settings.outbox_file, clock)


class OutboxChannel:
    """Writes into a file. Each line is whole and on the disk before a delivery counts as such."""

    kind = KIND

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._turn = asyncio.Lock()

    def check(self, address: str) -> str | None:
        """Any name will do that can be shown."""
        if not address.strip() or not address.isprintable():
            return "The address in the outbox is empty or cannot be shown; any name will do."
        return None

    async def send(self, outgoing: Outgoing) -> str:
        """Append the delivery.

        Raises:
            DeliveryError: the file cannot be written now.
        """
        line = _line(outgoing, self._clock.now())
        async with self._turn:
            # A thread cannot be stopped half-way, and neither must the line be.
            writing = asyncio.ensure_future(asyncio.to_thread(self._append, line))
            try:
                await asyncio.shield(writing)
            except OSError as error:
                mend = "free space on the disk, or set outbox_file to a place that can be written"
                raise DeliveryError(
                    f"{self._file} cannot be written: {error.strerror}", retry=True, mend=mend
                ) from None
        return f"written to {self._file}"

    async def close(self) -> None:
        """Nothing stays open between deliveries."""

    def _append(self, line: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = os.fstat(file).st_size
            if end and os.pread(file, 1, end - 1) != b"\n":
                # A crash cut the last line short; it must not spoil this one.
                line = b"\n" + line
            try:
                written = 0
                while written < len(line):
                    written += os.write(file, line[written:])
                os.fsync(file)
            except OSError:
                # Where even this fails, the next line begins on a new one.
                with suppress(OSError):
                    os.ftruncate(file, end)
                raise
        finally:
            os.close(file)


def _line(outgoing: Outgoing, at: datetime) -> bytes:
    return (
        msgspec.json.encode(
            {
                "at": format_instant(at),
                "key": outgoing.key,
                "to": outgoing.address,
                "incident": outgoing.incident,
                "urgent": outgoing.urgent,
                "subject": outgoing.letter.subject,
                "lines": outgoing.letter.lines,
                "link": outgoing.link,
            }
        )
        + b"\n"
    )
