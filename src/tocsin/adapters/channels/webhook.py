"""The channel `webhook`: a JSON POST that is signed as Standard Webhooks describe."""

import base64
import binascii
import hashlib
import hmac
import re

import httpx
import msgspec

from tocsin.adapters.httpclient import check_url, new_client, post
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "webhook"
FIELD = "webhook.secret_ref"
PREFIX = "whsec_"
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64

_ID = re.compile(r"[A-Za-z0-9_/:-]{1,200}")


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None without a secret, since nothing is sent unsigned.

    Raises:
        ProblemsError: the secret is missing or of the wrong shape.
    """
    if not settings.webhook_secret_ref:
        return None
    return WebhookChannel(read_secret(secret(settings.webhook_secret_ref, FIELD)), clock)


def read_secret(text: str) -> bytes:
    """The key in `whsec_` and base64.

    Raises:
        ProblemsError: it is none; no part of it is told.
    """
    mend = f"Make one with: echo {PREFIX}$(head -c 32 /dev/urandom | base64)"
    key = b""
    if text.startswith(PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
    if SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        return key
    message = (
        f"The secret of the webhooks is not {PREFIX} followed by base64 "
        f"of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes."
    )
    raise ProblemsError([Problem(code="bad-secret", message=message, mend=mend, field=FIELD)])


class WebhookChannel:
    """Posts to the address of a contact method."""

    kind = KIND

    def __init__(self, key: bytes, clock: Clock, client: httpx.AsyncClient | None = None) -> None:
        self._key = key
        self._clock = clock
        self._client = client

    def check(self, address: str) -> str | None:
        """It must be an http or https address."""
        return check_url(address)

    async def send(self, outgoing: Outgoing) -> str:
        """Post the delivery and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        if self._client is None:
            self._client = new_client()
        body = _body(outgoing)
        stamp = str(int(self._clock.now().timestamp()))
        webhook_id = _webhook_id(outgoing.key)
        headers = {
            "content-type": "application/json",
            "user-agent": "Tocsin",
            "webhook-id": webhook_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(self._key, webhook_id, stamp, body),
        }
        return await post(self._client, outgoing.address, body, headers)

    async def close(self) -> None:
        """Close the connections that are kept for the next delivery."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def sign(key: bytes, webhook_id: str, stamp: str, body: bytes) -> str:
    """The value of `webhook-signature`: version 1 over identifier, time and body."""
    signed = b".".join((webhook_id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _webhook_id(key: str) -> str:
    """The key of the delivery. One that a header or the signature could not carry is hashed."""
    return key if _ID.fullmatch(key) else f"msg_{hashlib.sha256(key.encode()).hexdigest()}"


def _body(outgoing: Outgoing) -> bytes:
    letter = outgoing.letter
    return msgspec.json.encode(
        {
            "key": outgoing.key,
            "incident": outgoing.incident,
            "thread": outgoing.thread,
            "urgent": outgoing.urgent,
            "subject": letter.subject,
            "lines": letter.lines,
            "text": "\n".join((letter.subject, "", *letter.lines)),
            "link": outgoing.link,
        }
    )
