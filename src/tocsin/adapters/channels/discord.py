"""The channel `discord`: messages into a channel of Discord, by a webhook of that channel.

The format is that of "Execute Webhook" in Discord's documentation.
"""

import msgspec

from tocsin.adapters.httpclient import Answer, ask, check_url, judge
from tocsin.adapters.services import HttpService, body_text
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "discord"
TEXT_CHARS_MAX = 2_000
SUPPRESS_EMBEDS = 1 << 2


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel; it needs no settings, since the address of a contact method is all of it."""
    return DiscordChannel()


class DiscordChannel(HttpService):
    """Posts to the webhook whose address a contact method holds."""

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
            "content": body_text(outgoing, TEXT_CHARS_MAX, subject=True, link=True),
            # Nothing in an alert may call out to everybody.
            "allowed_mentions": {"parse": []},
            "flags": SUPPRESS_EMBEDS,
        }
        headers = {"content-type": "application/json"}
        answer = await ask(self.client, outgoing.address, msgspec.json.encode(message), headers)
        mend = "make a new webhook in the settings of the channel, and put its address into the roster"
        return judge(_with_wait(answer), str(answer.body.get("message", "")), mend)


def _with_wait(answer: Answer) -> Answer:
    """Discord says in the body how long to wait, to the millisecond."""
    wait: object = answer.body.get("retry_after")
    if isinstance(wait, int | float) and not isinstance(wait, bool):
        return answer._replace(wait=str(int(wait) + 1))
    return answer
