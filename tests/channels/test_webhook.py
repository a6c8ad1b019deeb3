"""Webhooks against a real HTTP server on this machine, with the signature verified as a receiver would."""

import base64
import hashlib
import hmac
import json
import logging
import socket
from collections.abc import AsyncIterator

import pytest

from tests.channels.sample import AT, PAGE, outgoing
from tests.channels.server import HttpSink
from tocsin.adapters import httpclient
from tocsin.adapters.channels.webhook import WebhookChannel, channel, read_secret, sign
from tocsin.base.problems import ProblemsError
from tocsin.config import load_settings
from tocsin.engine.ports import DeliveryError
from tocsin.testing.fakes import ManualClock

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
async def hook(clock: ManualClock) -> AsyncIterator[WebhookChannel]:
    made = WebhookChannel(read_secret(SECRET), clock)
    yield made
    await made.close()


async def failure(hook: WebhookChannel, url: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await hook.send(outgoing(address=url))
    assert "secret" not in f"{caught.value.reason} {caught.value!r}"
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_page_arrives_and_verifies(hook: WebhookChannel) -> None:
    async with HttpSink() as sink:
        said = await hook.send(outgoing(address=sink.url))
        assert said == f"http://127.0.0.1:{sink.port} answered 200"
        (request,) = sink.requests
    assert request.line == "POST /hooks/secret-path?token=secret-query HTTP/1.1"
    headers = request.headers
    assert headers["webhook-id"] == "INC-7/p3/0"
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert headers["content-type"] == "application/json"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.new(b"k" * 32, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    body = json.loads(request.body)
    assert body["key"] == "INC-7/p3/0"
    assert (body["incident"], body["urgent"], body["link"]) == ("INC-7", True, PAGE.link)
    assert body["lines"] == list(PAGE.letter.lines)
    assert body["text"].startswith("P1 INC-7: VaultSealed\n\nVault is sealed.\n")


def test_the_signature_is_that_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    value = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert value == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("key", ["INC-7/p3/1.5", "INC-7/m1/Alle Kunden/email-1", "x\r\ny: z", "ü"])
async def test_a_key_that_no_header_carries_is_hashed(hook: WebhookChannel, key: str) -> None:
    async with HttpSink() as sink:
        await hook.send(outgoing(address=sink.url, key=key))
        (request,) = sink.requests
    assert request.headers["webhook-id"] == f"msg_{hashlib.sha256(key.encode()).hexdigest()}"
    assert json.loads(request.body)["key"] == key


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        *((status, True) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, False) for status in (400, 401, 403, 404, 409, 410, 413, 422)),
        *((status, False) for status in (301, 302, 303, 307, 308)),
    ],
)
async def test_what_a_status_means(hook: WebhookChannel, status: int, retry: bool) -> None:
    async with HttpSink(status=f"{status} No", headers={"Location": "http://127.0.0.1:1/secret"}) as sink:
        error = await failure(hook, sink.url)
        assert len(sink.requests) == 1
    assert error.retry == retry
    assert str(status) in error.reason
    assert retry or error.mend


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_fine(hook: WebhookChannel, status: int) -> None:
    async with HttpSink(status=f"{status} Yes") as sink:
        assert str(status) in await hook.send(outgoing(address=sink.url))


async def test_retry_after_is_told(hook: WebhookChannel) -> None:
    async with HttpSink(status="429 Slow", headers={"Retry-After": "120"}) as sink:
        error = await failure(hook, sink.url)
    assert error.reason.endswith("answered 429, and asks to wait 120 s")


async def test_nobody_listens(hook: WebhookChannel) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(hook, f"http://127.0.0.1:{unused.getsockname()[1]}/secret")
    assert (error.retry, "refused" in error.reason) == (True, True)


async def test_no_such_name(hook: WebhookChannel) -> None:
    error = await failure(hook, "http://nowhere.invalid/secret")
    assert error.retry


async def test_somebody_hangs_up(hook: WebhookChannel) -> None:
    async with HttpSink(mood="hangs up") as sink:
        error = await failure(hook, sink.url)
    assert (error.retry, "broke" in error.reason) == (True, True)


async def test_somebody_says_nothing(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpclient, "ANSWER_SECONDS", 0.1)
    made = WebhookChannel(read_secret(SECRET), clock)
    async with HttpSink(mood="silent") as sink:
        error = await failure(made, sink.url)
        await made.close()
    assert (error.retry, "did not answer" in error.reason) == (True, True)


async def test_plain_http_is_not_mistaken_for_https(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpclient, "CONNECT_SECONDS", 0.2)
    made = WebhookChannel(read_secret(SECRET), clock)
    async with HttpSink() as sink:
        error = await failure(made, sink.url.replace("http:", "https:"))
        await made.close()
        assert sink.requests == []
    assert error.retry


async def test_the_address_is_not_logged(hook: WebhookChannel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with HttpSink() as sink:
        await hook.send(outgoing(address=sink.url))
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://hooks.example.org/x?y=z", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000/x", True),
        ("hooks.example.org", False),
        ("ftp://example.org", False),
        ("https://", False),
        ("https://x:99999", False),
        ("https://[x", False),
        ("https://x/a b", False),
        ("https://x/\nHost: y", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_addresses(clock: ManualClock, address: str, good: bool) -> None:
    assert (WebhookChannel(b"", clock).check(address) is None) == good


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@x.example:8443/secret?t=secret#secret", "https://x.example:8443"),
        ("http://[::1]:9/secret", "http://[::1]:9"),
        ("nonsense/secret", "the address"),
        ("https://x:99999/secret", "the address"),
    ],
)
def test_redaction(url: str, shown: str) -> None:
    assert httpclient.redact(url) == shown


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "whsec_hunter2", "hunter2" * 6, "whsec_" + base64.b64encode(b"k" * 8).decode(), "whsec_ü"],
)
def test_a_secret_of_the_wrong_shape_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read_secret(text)
    assert "hunter2" not in str(caught.value)
    assert caught.value.problems[0].field == "webhook.secret_ref"


def test_the_settings_make_the_channel(clock: ManualClock) -> None:
    def secret(ref: str, field: str) -> str:
        assert (ref, field) == ("env:W", "webhook.secret_ref")
        return SECRET

    assert channel(load_settings({}, {}, None, "tocsin.toml"), secret, clock) is None
    settings = load_settings({}, {"TOCSIN_WEBHOOK_SECRET_REF": "env:W"}, None, "tocsin.toml")
    assert isinstance(channel(settings, secret, clock), WebhookChannel)
