"""The channel `ntfy`: push notifications to phones over an ntfy server, one's own or the public one.

The format is that of "Publish as JSON" in ntfy's documentation.
"""

import re

import msgspec

from tocsin.adapters.httpclient import ask, judge
from tocsin.adapters.services import TokenService, base_url, body_text, set_up, shortened
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "ntfy"
TITLE_CHARS_MAX = 250
TEXT_CHARS_MAX = 1_200
"""ntfy turns a message of more than 4,096 bytes into an attachment; a character has up to three."""

URGENT, USUAL = 5, 3
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.ntfy`."""

    url: str
    token_ref: str = ""


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    token = secret(own.token_ref, f"channels.{KIND}.token_ref") if own.token_ref else ""
    return NtfyChannel(base_url(own.url, f"channels.{KIND}.url"), token)


class NtfyChannel(TokenService):
    """Publishes to the topic that a contact method names."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be a topic."""
        if _TOPIC.fullmatch(address):
            return None
        return "The address is no topic of ntfy: up to 64 letters, digits, hyphens and underscores."

    async def send(self, outgoing: Outgoing) -> str:
        """Publish, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        message: dict[str, object] = {
            "topic": outgoing.address,
            "title": shortened(outgoing.letter.subject, TITLE_CHARS_MAX),
            "message": body_text(outgoing, TEXT_CHARS_MAX, subject=False, link=False),
            "priority": URGENT if outgoing.urgent else USUAL,
            "tags": ["rotating_light"] if outgoing.urgent else [],
        }
        if outgoing.link:
            message["click"] = outgoing.link
            message["actions"] = [{"action": "view", "label": "Open", "url": outgoing.link, "clear": True}]
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        answer = await ask(self.client, f"{self._url}/", msgspec.json.encode(message), headers)
        return judge(answer, str(answer.body.get("error", "")), "check the topic, and the token for it")
