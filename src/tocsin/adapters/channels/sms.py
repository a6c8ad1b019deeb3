"""The channel `sms`: text messages over Twilio's Messages API, or a service that speaks it."""

import re
from urllib.parse import urlencode

import msgspec

from tocsin.adapters.httpclient import ask, judge
from tocsin.adapters.services import HttpService, base_url, body_text, set_up
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Secrets, Settings
from tocsin.engine.ports import Channel, Clock, DeliveryError, Outgoing

KIND = "sms"
TEXT_CHARS_MAX = 480
"""Three parts of a text message; Twilio takes 1,600 characters."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11}")
_DEAD_NUMBERS = frozenset({21211, 21214, 21217, 21265, 21408, 21610, 21612, 21614})
"""Error codes of Twilio that say that this number can never be reached so."""


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings under `channels.sms`. `sender` is a number, a name of up to 11 letters and digits, or
    the identifier of a messaging service (MG…)."""

    account: str
    token_ref: str
    sender: str
    url: str = "https://api.twilio.com"


def channel(settings: Settings, secret: Secrets, clock: Clock) -> Channel | None:
    """The channel as the settings want it; None where they do not set it up.

    Raises:
        ProblemsError: they are wrong.
    """
    own = set_up(settings, KIND, Own)
    if own is None:
        return None
    problems = [
        Problem(code="bad-setting", field=f"channels.{KIND}.{key}", message=message, mend=mend)
        for key, good, message, mend in (
            (
                "account",
                _ACCOUNT.fullmatch(own.account),
                "The account is none of Twilio's.",
                "Give its Account SID: AC and 32 hexadecimal digits.",
            ),
            (
                "sender",
                _SENDER.fullmatch(own.sender),
                "The sender is no number and no messaging service.",
                "Write a number such as +14155550100, or a messaging service such as MG….",
            ),
        )
        if not good
    ]
    if problems:
        raise ProblemsError(problems)
    token = secret(own.token_ref, f"channels.{KIND}.token_ref")
    return SmsChannel(base_url(own.url, f"channels.{KIND}.url"), own.account, token, own.sender)


class SmsChannel(HttpService):
    """Sends to the number that a contact method holds."""

    kind = KIND

    def __init__(self, url: str, account: str, token: str, sender: str) -> None:
        super().__init__()
        self._url = url
        self._account = account
        self._token = token
        self._sender = sender

    def check(self, address: str) -> str | None:
        """It must be a number in the form E.164."""
        if _NUMBER.fullmatch(address):
            return None
        return "The address is no phone number such as +4930123456: a plus sign, then digits only."

    async def send(self, outgoing: Outgoing) -> str:
        """Send, and say what Twilio made of it.

        Raises:
            DeliveryError: it did not arrive, or was refused.
        """
        by = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        text = body_text(outgoing, TEXT_CHARS_MAX, subject=True, link=True)
        form = urlencode({"To": outgoing.address, by: self._sender, "Body": text}).encode()
        url = f"{self._url}/2010-04-01/Accounts/{self._account}/Messages.json"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await ask(self.client, url, form, headers, auth=(self._account, self._token))
        code: object = answer.body.get("code")
        mend = "correct the number in the roster" if code in _DEAD_NUMBERS else "see the console of Twilio"
        said = judge(answer, str(answer.body.get("message", "")), mend)
        status = str(answer.body.get("status", ""))
        if status in ("failed", "undelivered"):
            raise DeliveryError(f"{said}, but says {status}", retry=False, mend=mend)
        return f"{said}: {status}" if status.isalpha() else said
