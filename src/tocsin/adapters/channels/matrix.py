"""The channel `matrix`: messages into a room of Matrix, by the client-server API of one's homeserver.

The transaction of a message is made of the delivery's key, so that a second attempt is no second message.
"""

import re

import msgspec

from tocsin.adapters.httpclient import ask, judge
from tocsin.adapters.services import TokenService, base_url, body_text, in_path, set_up, stable_id
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, Outgoing

KIND = "matrix"
TEXT_CHARS_MAX = 16_000
"""An event of Matrix may have 65,536 bytes in all."""

_ROOM = re.compile(r"![^\s:]{1,200}(?::[^\s]{1,200})?")
_MENDS = {
    "M_UNKNOWN_TOKEN": "give channels.matrix.token_ref a token that is good",
    "M_FORBIDDEN": "invite the account to the room, and let it join",
}


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.matrix`: the homeserver, and the token of the account that writes."""

    url: str
    token_ref: str


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    token = secret(own.token_ref, f"channels.{KIND}.token_ref")
    return MatrixChannel(base_url(own.url, f"channels.{KIND}.url"), token)


class MatrixChannel(TokenService):
    """Writes to the room that a contact method names."""

    kind = KIND

    def check(self, address: str) -> str | None:
        """It must be the identifier of a room."""
        if _ROOM.fullmatch(address):
            return None
        return "The address is no identifier of a room, such as !abc123:example.org."

    async def send(self, outgoing: Outgoing) -> str:
        """Write, and say which status came back.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        room, transaction = in_path(outgoing.address), stable_id(outgoing.key)
        url = f"{self._url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
        text = body_text(outgoing, TEXT_CHARS_MAX, subject=True, link=True)
        message: dict[str, object] = {
            "msgtype": "m.text" if outgoing.urgent else "m.notice",
            "body": text,
            "m.mentions": {},
        }
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._token}"}
        body = msgspec.json.encode(message)
        answer = await ask(self.client, url, body, headers, method="PUT")
        wait: object = answer.body.get("retry_after_ms")
        if isinstance(wait, int):
            answer = answer._replace(wait=str(wait // 1_000 + 1))
        code = str(answer.body.get("errcode", ""))
        return judge(answer, str(answer.body.get("error", "")) or code, _MENDS.get(code, ""))
