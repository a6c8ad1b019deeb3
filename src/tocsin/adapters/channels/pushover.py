"""The channel `pushover`: push notifications over Pushover; an urgent one repeats until it is seen.

The format is that of Pushover's message API. An emergency (priority 2) needs `retry` of at least 30 and
`expire` of at most 10,800 seconds.
"""

import re
from typing import cast
from urllib.parse import urlencode

import msgspec

from tocsin.adapters.httpclient import ask, judge
from tocsin.adapters.services import TokenService, base_url, body_text, set_up, shortened
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, DeliveryError, Outgoing

KIND = "pushover"
TITLE_CHARS_MAX = 250
TEXT_CHARS_MAX = 1_024
RETRY_SECONDS, EXPIRE_SECONDS = 60, 1_800
EMERGENCY, USUAL = "2", "0"
_KEY = re.compile(r"[A-Za-z0-9]{30}(?::[A-Za-z0-9_-]{1,25})?")


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.pushover`. `token_ref` refers to the application's token."""

    token_ref: str
    url: str = "https://api.pushover.net"


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    token = secret(own.token_ref, f"channels.{KIND}.token_ref")
    return PushoverChannel(base_url(own.url, f"channels.{KIND}.url"), token)


class PushoverChannel(TokenService):
    """Sends to a user's or a group's key, with a device's name after a colon where only one is meant."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be a key."""
        if _KEY.fullmatch(address):
            return None
        return "The address is no key of Pushover: 30 letters and digits, then :device where wanted."

    async def send(self, outgoing: Outgoing) -> str:
        """Send, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        user, _, device = outgoing.address.partition(":")
        fields = {
            "token": self._token,
            "user": user,
            "title": shortened(outgoing.letter.subject, TITLE_CHARS_MAX),
            "message": body_text(outgoing, TEXT_CHARS_MAX, subject=False, link=False) or "(no text)",
            "priority": EMERGENCY if outgoing.urgent else USUAL,
        }
        if device:
            fields["device"] = device
        if outgoing.urgent:
            fields |= {"retry": str(RETRY_SECONDS), "expire": str(EXPIRE_SECONDS)}
        if outgoing.link:
            fields |= {"url": outgoing.link, "url_title": "Open the incident"}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url = f"{self._url}/1/messages.json"
        answer = await ask(self.client, url, urlencode(fields).encode(), headers)
        errors: object = answer.body.get("errors")
        why = "; ".join(map(str, cast("list[object]", errors)[:3])) if isinstance(errors, list) else ""
        said = judge(answer, why, "check the key in the roster and the application's token")
        if answer.body.get("status") != 1:
            raise DeliveryError(f"{said}, but did not take the message", retry=True)
        return said
