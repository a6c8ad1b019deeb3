"""Mails that are alerts: what a thread began belongs together, however its subjects change."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog
from msgspec.structs import replace

from tocsin.alerts.model import Alert
from tocsin.engine.intake import Intake
from tocsin.engine.ports import Clock, Reader, Store
from tocsin.engine.sources import Mail

log = structlog.get_logger(__name__)

THREADS_KEPT = timedelta(days=30)
REFERENCES_MAX = 20


class MailThread(msgspec.Struct, frozen=True, kw_only=True):
    """Of which alert a message was; kept by the hash of its Message-ID and address."""

    fingerprint: str


class ThreadedMail:
    """Takes mails to the intake, each as the alert that its thread began."""

    def __init__(self, store: Store, clock: Clock, intake: Intake) -> None:
        self._store = store
        self._clock = clock
        self._intake = intake

    async def put(self, mails: Sequence[Mail]) -> None:
        """Return once they are kept.

        Raises:
            IntakeFullError: too much is waiting.
            StoreUnavailableError: they could not be kept.
        """
        found: list[tuple[Mail, Alert]] = []
        async with self._store.reading() as reader:
            for mail in mails:
                began = await self._began(reader, mail)
                if began and mail.is_reply:
                    # People answer each other about an alert; that is no new one.
                    log.info(
                        "an answer to a mail is no alert", recipient=mail.alert.labels.get("recipient", "")
                    )
                    continue
                found.append((mail, replace(mail.alert, fingerprint=began) if began else mail.alert))
        await self._intake.take([alert for _, alert in found])
        now = self._clock.now()
        async with self._store.transaction() as unit:
            for mail, alert in found:
                if mail.message_id:
                    kept = MailThread(fingerprint=alert.fingerprint)
                    await unit.keep(_key(mail.message_id, alert), kept, now)
            await unit.forget_before(MailThread, now - THREADS_KEPT)

    async def _began(self, reader: Reader, mail: Mail) -> str:
        """The fingerprint of the alert that its thread began; empty where it began none."""
        for each in mail.refers_to[:REFERENCES_MAX]:
            thread = await reader.kept(MailThread, _key(each, mail.alert))
            if thread is not None:
                return thread.fingerprint
        return ""


def _key(message_id: str, alert: Alert) -> str:
    """One message may go to two addresses, and is an alert of each."""
    text = f"{alert.labels.get('recipient', '')} {message_id}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
