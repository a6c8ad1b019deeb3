"""The channel `teams`: messages into Microsoft Teams, by a workflow ("Post to a channel when a webhook
request is received"), as an adaptive card.
"""

import msgspec

from tocsin.adapters.httpclient import ask, check_url, judge
from tocsin.adapters.services import HttpService, body_text, shortened
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "teams"
TEXT_CHARS_MAX = 8_000
"""A message of Teams may have about 28 KB with everything around it."""

TITLE_CHARS_MAX = 250


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel; it needs no settings, since the address of a contact method is all of it."""
    return TeamsChannel()


class TeamsChannel(HttpService):
    """Posts to the workflow whose address a contact method holds."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be an http or https address."""
        return check_url(address)

    async def send(self, outgoing: Outgoing) -> str:
        """Post, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        message = {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": _card(outgoing),
                }
            ],
        }
        headers = {"content-type": "application/json"}
        answer = await ask(self.client, outgoing.address, msgspec.json.encode(message), headers)
        mend = "make the workflow again, and put its address into the roster"
        return judge(answer, mend=mend)


def _card(outgoing: Outgoing) -> dict[str, object]:
    title = shortened(outgoing.letter.subject, TITLE_CHARS_MAX)
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": True},
            # A rich text block reads nothing in it as markup.
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": _text(outgoing)}]},
        ],
    }
    if outgoing.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the incident", "url": outgoing.link}]
    return card


def _text(outgoing: Outgoing) -> str:
    return body_text(outgoing, TEXT_CHARS_MAX, subject=False, link=False) or outgoing.letter.subject
