"""The channel `slack`: messages of an app of one's own, by Slack's Web API (`chat.postMessage`).

Slack answers 200 to what it refuses, and says why in `error`.
"""

import re

import msgspec

from tocsin.adapters.httpclient import ask, judge
from tocsin.adapters.services import TokenService, base_url, body_text, set_up, shortened
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, DeliveryError, Outgoing

KIND = "slack"
HEADER_CHARS_MAX = 150
SECTION_CHARS_MAX = 3_000
_ADDRESS = re.compile(r"[CDGUW][A-Z0-9]{6,20}")
_PASSES = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_MENDS = {
    "channel_not_found": "correct the channel in the roster, or invite the app to it",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "choose a channel that is not archived",
    "invalid_auth": "give channels.slack.token_ref the token of the app (xoxb-…)",
    "token_revoked": "install the app again, and give channels.slack.token_ref its new token",
    "account_inactive": "install the app again, and give channels.slack.token_ref its new token",
    "missing_scope": "give the app the scope chat:write",
}


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.slack`. `token_ref` refers to the bot token of the app."""

    token_ref: str
    url: str = "https://slack.com/api"


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    token = secret(own.token_ref, f"channels.{KIND}.token_ref")
    return SlackChannel(base_url(own.url, f"channels.{KIND}.url"), token)


class SlackChannel(TokenService):
    """Writes to a channel or to a person, by their identifier."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be the identifier of a channel or a person."""
        if _ADDRESS.fullmatch(address):
            return None
        return "The address is no identifier of Slack, such as C024BE91L (a channel) or U12345678 (a person)."

    async def send(self, outgoing: Outgoing) -> str:
        """Write, and say what was answered.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        message = {
            "channel": outgoing.address,
            "text": body_text(outgoing, SECTION_CHARS_MAX, subject=True, link=True),
            "blocks": _blocks(outgoing),
            "unfurl_links": False,
            "mrkdwn": False,
        }
        headers = {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {self._token}",
        }
        answer = await ask(
            self.client, f"{self._url}/chat.postMessage", msgspec.json.encode(message), headers
        )
        error = str(answer.body.get("error", ""))
        said = judge(answer, error)
        if answer.body.get("ok") is True:
            return said
        why = shortened(error or "no reason given", 80)
        mend = _MENDS.get(error, "")
        raise DeliveryError(f"Slack refused: {why}", retry=error in _PASSES or not error, mend=mend)


def _blocks(outgoing: Outgoing) -> list[dict[str, object]]:
    subject = shortened(outgoing.letter.subject, HEADER_CHARS_MAX)
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": {"type": "plain_text", "text": subject, "emoji": False}}
    ]
    if text := body_text(outgoing, SECTION_CHARS_MAX, subject=False, link=False):
        # Plain text, so that nothing in an alert is read as a mention or as markup.
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}})
    if outgoing.link:
        button = {
            "type": "button",
            "text": {"type": "plain_text", "text": "Open the incident"},
            "url": outgoing.link,
            "style": "primary",
        }
        blocks.append({"type": "actions", "elements": [button]})
    return blocks
