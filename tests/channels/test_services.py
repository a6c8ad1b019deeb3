"""The channels over services of others, each against a real HTTP server that answers as the vendor does."""

import base64
import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest

from tests.channels.sample import AT, PAGE, letter, outgoing
from tests.channels.server import HttpSink, Request
from tocsin.adapters.channels import (
    discord,
    matrix,
    mattermost,
    ntfy,
    pushover,
    slack,
    sms,
    teams,
    telegram,
)
from tocsin.base.problems import ProblemsError
from tocsin.config import load_settings
from tocsin.engine.ports import Channel, DeliveryError
from tocsin.testing.fakes import ManualClock

SECRET = "s3cr3t-t0ken"
BOT = "123456:" + "s3cr3t-t0ken" * 3
ACCOUNT = "AC" + "0" * 32
USER = "u" * 30


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


class Service(NamedTuple):
    """How a channel is made for a server, whom it writes to there, and what the vendor answers."""

    make: Callable[[str], Channel]
    address: str | None
    good: dict[str, Any]
    busy: tuple[str, dict[str, Any], dict[str, str]]
    refusal: tuple[str, dict[str, Any]]


SERVICES: dict[str, Service] = {
    "ntfy": Service(
        lambda url: ntfy.NtfyChannel(url, SECRET),
        "alice-pages",
        {"id": "x", "event": "message"},
        ("429 Slow", {"code": 42901, "http": 429, "error": "limit reached"}, {"Retry-After": "7"}),
        ("403 No", {"code": 40301, "http": 403, "error": "forbidden"}),
    ),
    "pushover": Service(
        lambda url: pushover.PushoverChannel(url, SECRET),
        USER,
        {"status": 1, "request": "r", "receipt": "c"},
        ("429 Slow", {"status": 0, "errors": ["application is over its quota"]}, {}),
        ("400 Bad", {"status": 0, "user": "invalid", "errors": ["user identifier is not a valid user"]}),
    ),
    "telegram": Service(
        lambda url: telegram.TelegramChannel(url, BOT),
        "-100123",
        {"ok": True, "result": {"message_id": 7}},
        (
            "429 Slow",
            {"ok": False, "error_code": 429, "description": "Too Many", "parameters": {"retry_after": 7}},
            {},
        ),
        ("400 Bad", {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}),
    ),
    "slack": Service(
        lambda url: slack.SlackChannel(url, SECRET),
        "C024BE91L",
        {"ok": True, "ts": "1"},
        ("429 Slow", {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"}),
        ("200 OK", {"ok": False, "error": "channel_not_found"}),
    ),
    "matrix": Service(
        lambda url: matrix.MatrixChannel(url, SECRET),
        "!room:example.org",
        {"event_id": "$1"},
        ("429 Slow", {"errcode": "M_LIMIT_EXCEEDED", "error": "Too many", "retry_after_ms": 6500}, {}),
        ("403 No", {"errcode": "M_FORBIDDEN", "error": "not in the room"}),
    ),
    "sms": Service(
        lambda url: sms.SmsChannel(url, ACCOUNT, SECRET, "+14155550100"),
        "+4930123456",
        {"sid": "SM1", "status": "queued"},
        ("429 Slow", {"code": 20429, "message": "Too Many Requests"}, {"Retry-After": "7"}),
        ("400 Bad", {"code": 21211, "message": "Invalid 'To' Phone Number"}),
    ),
    "discord": Service(
        lambda url: discord.DiscordChannel(),
        None,
        {},
        ("429 Slow", {"message": "You are being rate limited.", "retry_after": 6.4}, {}),
        ("404 No", {"message": "Unknown Webhook", "code": 10015}),
    ),
    "mattermost": Service(
        lambda url: mattermost.MattermostChannel(),
        None,
        {},
        ("429 Slow", {"message": "slow down"}, {"Retry-After": "7"}),
        ("400 Bad", {"message": "Invalid webhook", "status_code": 400}),
    ),
    "teams": Service(
        lambda url: teams.TeamsChannel(),
        None,
        {},
        ("429 Slow", {}, {"Retry-After": "7"}),
        ("401 No", {"error": {"code": "DirectApiAuthorizationRequired"}}),
    ),
}
every_service = pytest.mark.parametrize("name", SERVICES)


async def send(name: str, sink: HttpSink, **changes: object) -> tuple[str, Request]:
    service = SERVICES[name]
    base = f"http://127.0.0.1:{sink.port}"
    channel = service.make(base)
    address = service.address or f"{base}/hooks/secret-path"
    assert channel.check(address) is None
    try:
        said = await channel.send(outgoing(address=address, **changes))
    finally:
        await channel.close()
    return said, sink.requests[-1]


async def failure(name: str, sink: HttpSink) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(name, sink)
    told = f"{caught.value.reason} {caught.value.mend} {caught.value!r}"
    assert "s3cr3t" not in told
    assert "secret-path" not in told
    return caught.value


def answering(body: dict[str, Any], status: str = "200 OK", **headers: str) -> HttpSink:
    return HttpSink(status=status, headers=headers, answer=json.dumps(body).encode())


@every_service
async def test_a_page_arrives_with_its_words_and_its_link(name: str) -> None:
    async with answering(SERVICES[name].good) as sink:
        said, request = await send(name, sink)
    assert said.startswith(f"http://127.0.0.1:{sink.port} answered 200")
    form = parse_qs(request.body.decode()) if name in ("sms", "pushover") else None
    words = " ".join(each[0] for each in form.values()) if form else request.body.decode()
    words = words if form else json.dumps(json.loads(words), ensure_ascii=False)
    for wanted in ("P1 INC-7: VaultSealed", "Vault is sealed.", "https://tocsin.example.org/a/INC-7?t=a&b=c"):
        assert wanted in words


@every_service
async def test_a_service_that_is_busy_is_tried_again(name: str) -> None:
    status, body, headers = SERVICES[name].busy
    async with HttpSink(status=status, headers=headers, answer=json.dumps(body).encode()) as sink:
        error = await failure(name, sink)
    assert error.retry
    assert name == "pushover" or "asks to wait 7 s" in error.reason
    async with answering({}, "503 Down") as sink:
        assert (await failure(name, sink)).retry


@every_service
async def test_a_refusal_is_told_with_its_reason_and_who_can_mend_it(name: str) -> None:
    status, body = SERVICES[name].refusal
    async with answering(body, status) as sink:
        error = await failure(name, sink)
    assert not error.retry
    assert error.mend
    reason = {"teams": "answered 401", "slack": "channel_not_found"}.get(name) or next(
        str(part[0] if isinstance(part, list) else part)
        for key, part in body.items()
        if key in ("error", "errors", "description", "message")
    )
    assert reason in error.reason


@every_service
async def test_what_is_no_answer_of_the_service_is_told_plainly(name: str) -> None:
    for mood, status, answer in (
        ("hangs up", "200 OK", b""),
        ("answers", "400 Bad", b"<html>" * 30_000),
        ("answers", "400 Bad", b"\xff\xfe"),
        ("answers", "400 Bad", b"[" * 5_000),
        ("answers", "302 Found", b""),
    ):
        async with HttpSink(status=status, mood=mood, answer=answer) as sink:
            error = await failure(name, sink)
        assert error.retry == (mood != "answers")


@every_service
async def test_a_page_of_any_length_is_sent_with_its_link(name: str) -> None:
    long = letter("S" * 500, *(["Ünïcode line " * 30] * 100))
    async with answering(SERVICES[name].good) as sink:
        _, request = await send(name, sink, letter=long)
    body = request.body.decode()
    assert "tocsin.example.org" in body
    assert len(body) < 40_000


async def test_ntfy_publishes_as_json() -> None:
    async with answering({}) as sink:
        _, request = await send("ntfy", sink)
        _, calm = await send("ntfy", sink, urgent=False, link=None)
    assert request.line.startswith("POST / ")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    body = json.loads(request.body)
    assert (body["topic"], body["priority"], body["click"]) == ("alice-pages", 5, PAGE.link)
    assert body["actions"] == [{"action": "view", "label": "Open", "url": PAGE.link, "clear": True}]
    assert json.loads(calm.body)["priority"] == 3
    assert "click" not in json.loads(calm.body)


async def test_an_urgent_page_over_pushover_repeats_until_it_is_seen() -> None:
    async with answering({"status": 1}) as sink:
        _, request = await send("pushover", sink)
        _, calm = await send("pushover", sink, urgent=False)
    assert request.line.startswith("POST /1/messages.json ")
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
    assert (form["priority"], form["retry"], form["expire"]) == ("2", "60", "1800")
    assert (form["token"], form["user"]) == (SECRET, USER)
    assert parse_qs(calm.body.decode())["priority"] == ["0"]


async def test_telegram_is_asked_with_the_token_of_the_bot_and_a_button() -> None:
    async with answering({"ok": True}) as sink:
        _, request = await send("telegram", sink)
    assert request.line.startswith(f"POST /bot{BOT}/sendMessage ")
    body = json.loads(request.body)
    assert body["reply_markup"]["inline_keyboard"][0][0]["url"] == PAGE.link
    assert "parse_mode" not in body


async def test_slack_gets_plain_text_and_a_button() -> None:
    async with answering({"ok": True}) as sink:
        _, request = await send("slack", sink)
    assert request.line.startswith("POST /chat.postMessage ")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    header, section, actions = json.loads(request.body)["blocks"]
    assert header["text"]["text"] == PAGE.letter.subject
    assert section["text"]["type"] == "plain_text"
    assert actions["elements"][0]["url"] == PAGE.link
    async with answering({"ok": False, "error": "internal_error"}) as sink:
        assert (await failure("slack", sink)).retry


async def test_a_second_attempt_over_matrix_is_no_second_message() -> None:
    async with answering({}) as sink:
        _, first = await send("matrix", sink)
        _, second = await send("matrix", sink)
        _, other = await send("matrix", sink, key="INC-7/p3/1")
    assert first.line == second.line != other.line
    assert first.line.startswith("PUT /_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/")
    assert json.loads(first.body)["m.mentions"] == {}


async def test_a_text_message_is_a_form_with_basic_authentication() -> None:
    async with answering({"status": "queued"}, "201 Created") as sink:
        said, request = await send("sms", sink)
    assert said.endswith("answered 201: queued")
    assert request.line.startswith(f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json ")
    assert (
        request.headers["authorization"]
        == "Basic " + base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
    )
    form = parse_qs(request.body.decode())
    assert (form["To"], form["From"]) == (["+4930123456"], ["+14155550100"])
    assert len(form["Body"][0]) <= sms.TEXT_CHARS_MAX
    async with answering({"status": "failed"}, "201 Created") as sink:
        assert not (await failure("sms", sink)).retry


async def test_nothing_in_an_alert_calls_out_to_everybody() -> None:
    loud = letter("@everyone <!channel> @here", "@all **bold**")
    async with answering({"ok": True}) as sink:
        _, said = await send("discord", sink, letter=loud)
        assert json.loads(said.body)["allowed_mentions"] == {"parse": []}
        _, said = await send("mattermost", sink, letter=loud)
        assert "@all" not in json.loads(said.body)["text"]
        _, said = await send("teams", sink, letter=loud)
        card = json.loads(said.body)["attachments"][0]["content"]
        assert card["body"][1]["type"] == "RichTextBlock"
        assert card["actions"][0]["url"] == PAGE.link


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("ntfy", "a/b"),
        ("ntfy", ""),
        ("pushover", "short"),
        ("telegram", "alice"),
        ("slack", "#general"),
        ("matrix", "#room:example.org"),
        ("sms", "030 123456"),
        ("sms", "+49 30 123456"),
        ("discord", "discord.example/hook"),
        ("teams", "ftp://x.example/"),
        ("mattermost", "https://x.example/ y"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_in_words(name: str, bad: str) -> None:
    said = SERVICES[name].make("http://x.example").check(bad)
    assert said is not None
    assert said.startswith("The address is no ")


TABLES = {
    "ntfy": '[channels.ntfy]\nurl = "https://push.example.org/"\ntoken_ref = "env:T"\n',
    "pushover": '[channels.pushover]\ntoken_ref = "env:T"\n',
    "telegram": '[channels.telegram]\ntoken_ref = "env:T"\n',
    "slack": '[channels.slack]\ntoken_ref = "env:T"\n',
    "matrix": '[channels.matrix]\nurl = "https://matrix.example.org"\ntoken_ref = "env:T"\n',
    "sms": f'[channels.sms]\naccount = "{ACCOUNT}"\ntoken_ref = "env:T"\nsender = "Tocsin"\n',
}
MODULES = {
    "ntfy": ntfy,
    "pushover": pushover,
    "telegram": telegram,
    "slack": slack,
    "matrix": matrix,
    "sms": sms,
}


def made(name: str, table: str) -> Channel | None:
    settings = load_settings({}, {}, table, "tocsin.toml")
    return MODULES[name].channel(settings, lambda ref, field: BOT, ManualClock(AT))


@pytest.mark.parametrize("name", TABLES)
def test_a_channel_is_there_where_its_table_is(name: str) -> None:
    assert made(name, "") is None
    channel = made(name, TABLES[name])
    assert channel is not None
    assert channel.kind == name
    for wrong in (TABLES[name] + 'tokn = "x"\n', f"[channels.{name}]\n"):
        if wrong == f"[channels.{name}]\n" and name == "ntfy":
            wrong = "[channels.ntfy]\nurl = 5\n"
        with pytest.raises(ProblemsError) as caught:
            made(name, wrong)
        assert all(each.field.startswith(f"channels.{name}") for each in caught.value.problems)
        assert "s3cr3t" not in str(caught.value)


def test_wrong_values_are_named() -> None:
    for name, old, new in (
        ("ntfy", "https://push", "push"),
        ("sms", ACCOUNT, "me"),
        ("sms", '"Tocsin"', '"a name that is too long"'),
    ):
        with pytest.raises(ProblemsError):
            made(name, TABLES[name].replace(old, new))
    settings = load_settings({}, {}, TABLES["telegram"], "tocsin.toml")
    with pytest.raises(ProblemsError) as caught:
        telegram.channel(settings, lambda ref, field: "s3cr3t", ManualClock(AT))
    assert "s3cr3t" not in str(caught.value)


@every_service
async def test_no_secret_reaches_the_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with answering(SERVICES[name].good) as sink:
        await send(name, sink)
    assert "secret-path" not in caplog.text
    assert "s3cr3t" not in caplog.text
