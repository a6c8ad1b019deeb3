"""The channel `telegram`: messages of a bot of one's own, by Telegram's Bot API."""

import re
from typing import cast

import msgspec

from tocsin.adapters.httpclient import Answer, ask, judge
from tocsin.adapters.services import TokenService, base_url, body_text, set_up
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "telegram"
TEXT_CHARS_MAX = 4_000
"""Telegram takes 4,096 after it has read entities; none are sent."""

_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{10,100}")


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.telegram`. `token_ref` refers to the token of the bot."""

    token_ref: str
    url: str = "https://api.telegram.org"


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    field = f"channels.{KIND}.token_ref"
    token = secret(own.token_ref, field)
    if not _TOKEN.fullmatch(token):
        message = "The secret is no token of a Telegram bot."
        mend = "Ask @BotFather for one; it looks like 123456:ABC…"
        raise ProblemsError([Problem(code="bad-secret", field=field, message=message, mend=mend)])
    return TelegramChannel(base_url(own.url, f"channels.{KIND}.url"), token)


class TelegramChannel(TokenService):
    """Writes to the chat that a contact method names by its number, or a channel by its @name."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be a chat."""
        if _CHAT.fullmatch(address):
            return None
        return "The address is no chat of Telegram: its number, or the @name of a channel."

    async def send(self, outgoing: Outgoing) -> str:
        """Write, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        message: dict[str, object] = {
            "chat_id": outgoing.address,
            "text": body_text(outgoing, TEXT_CHARS_MAX, subject=True, link=False),
            "disable_notification": not outgoing.urgent,
            "link_preview_options": {"is_disabled": True},
        }
        if outgoing.link:
            button = {"text": "Open the incident", "url": outgoing.link}
            message["reply_markup"] = {"inline_keyboard": [[button]]}
        url = f"{self._url}/bot{self._token}/sendMessage"
        answer = await ask(
            self.client, url, msgspec.json.encode(message), {"content-type": "application/json"}
        )
        mend = "write to the bot once from that chat, and check the number and the bot's token"
        return judge(_with_wait(answer), str(answer.body.get("description", "")), mend)


def _with_wait(answer: Answer) -> Answer:
    """Telegram says in the body how long to wait."""
    parameters: object = answer.body.get("parameters")
    if not isinstance(parameters, dict):
        return answer
    wait = cast("dict[str, object]", parameters).get("retry_after")
    return answer._replace(wait=str(wait)) if isinstance(wait, int) else answer
