"""The channel `mattermost`: messages into a channel of Mattermost, by an incoming webhook.

Rocket.Chat and Zulip take the same form at their Slack-compatible addresses.
"""

import msgspec

from tocsin.adapters.httpclient import ask, check_url, judge
from tocsin.adapters.services import HttpService, body_text
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "mattermost"
TEXT_CHARS_MAX = 16_000
"""Mattermost takes 16,383 characters."""


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel; it needs no settings, since the address of a contact method is all of it."""
    return MattermostChannel()


class MattermostChannel(HttpService):
    """Posts to the incoming webhook whose address a contact method holds."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be an http or https address."""
        return check_url(address)

    async def send(self, outgoing: Outgoing) -> str:
        """Post, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        message: dict[str, object] = {
            "text": _escaped(body_text(outgoing, TEXT_CHARS_MAX, subject=True, link=True)),
        }
        if outgoing.urgent:
            message["priority"] = {"priority": "urgent"}
        headers = {"content-type": "application/json"}
        answer = await ask(self.client, outgoing.address, msgspec.json.encode(message), headers)
        mend = "make a new incoming webhook, and put its address into the roster"
        return judge(answer, str(answer.body.get("message", "")), mend)


def _escaped(text: str) -> str:
    """Text in which nothing calls out to a whole channel."""
    return text.replace("@", "@\u200b")
