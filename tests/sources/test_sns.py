"""AWS SNS: signatures checked against real certificates, which a stand-in for AWS serves over real HTTP."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.sources.recorded import changed, recorded
from tocsin.adapters.httpclient import new_client
from tocsin.adapters.snsproof import CERTIFICATE_BYTES_MAX, Trust, is_of_sns, signed_text
from tocsin.adapters.sources.sns import SnsSource, sources
from tocsin.alerts.model import AlertStatus
from tocsin.config import load_settings
from tocsin.engine.sources import Arrival, Parsed, Source, SourceError, SourceUnavailableError
from tocsin.testing.sources import NOW, SourceContract, parse, refused

ALARM = recorded("sns_alarm")
TEXT = recorded("sns_text")
SUBSCRIPTION = recorded("sns_subscription")
TOPIC = ALARM["TopicArn"]
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Amazon RSA 2048 M01")])
DAY = timedelta(days=1)


def certificate(
    name: str = "sns.eu-central-1.amazonaws.com",
    key: Any = KEY,
    since: datetime = NOW - DAY,
    until: datetime = NOW + 90 * DAY,
    signed_with: Any = OTHER_KEY,
) -> bytes:
    """A certificate as SNS has one, of a key that is ours."""
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(since)
        .not_valid_after(until)
        .sign(signed_with, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def issuer() -> bytes:
    """The certificate that the others are issued by."""
    made = (
        x509.CertificateBuilder()
        .subject_name(ISSUER)
        .issuer_name(ISSUER)
        .public_key(OTHER_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(OTHER_KEY, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


class Aws:
    """Serves what it is given, and notes what it was asked for."""

    def __init__(self) -> None:
        self.served: dict[str, tuple[int, bytes]] = {"/key.pem": (200, certificate())}
        self.asked: list[str] = []
        aws = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                aws.asked.append(self.path)
                status, body = aws.served.get(self.path.partition("?")[0], (404, b""))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def trust(self) -> Trust:
        return Trust(address=lambda url: url.startswith(f"{self.url}/"))


@pytest.fixture
def aws() -> Iterator[Aws]:
    with closing(Aws()) as made:
        yield made


def signed(aws: Aws, message: dict[str, Any], version: str = "2", key: Any = KEY) -> dict[str, Any]:
    """A message as AWS would send it."""
    made = {**message, "SignatureVersion": version, "SigningCertURL": f"{aws.url}/key.pem"}
    if "SubscribeURL" in made:
        made["SubscribeURL"] = f"{aws.url}/?Action=ConfirmSubscription&Token=t"
    hashing = hashes.SHA1() if version == "1" else hashes.SHA256()
    made["Signature"] = b64encode(key.sign(signed_text(made), PKCS1v15(), hashing)).decode()
    return made


def of(message: object, at: datetime = NOW) -> Arrival:
    headers = {"content-type": "text/plain; charset=UTF-8"}
    return Arrival(body=json.dumps(message).encode(), received_at=at, headers=headers)


def during(aws: Aws, ask: Callable[[SnsSource], Any], topics: tuple[str, ...] = (TOPIC,)) -> Any:
    """What `ask` finds out of a source on one event loop."""

    async def run() -> Any:
        source = SnsSource(topics, new_client(), aws.trust())
        try:
            return await ask(source)
        finally:
            await source.close()

    return asyncio.run(run())


def admitted(aws: Aws, message: object, at: datetime = NOW, topics: tuple[str, ...] = (TOPIC,)) -> bool:
    result: bool = during(aws, lambda source: source.admit(of(message, at)), topics)
    return result


class TestContract(SourceContract):
    good: ClassVar[Any] = ALARM

    @pytest.fixture
    def source(self) -> Source:
        return SnsSource([TOPIC], new_client())


class TestContractOfText(SourceContract):
    good: ClassVar[Any] = TEXT

    @pytest.fixture
    def source(self) -> Source:
        return SnsSource([TOPIC], new_client())


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("message", [ALARM, TEXT, SUBSCRIPTION], ids=["alarm", "text", "subscription"])
def test_signatures_of_both_versions(aws: Aws, version: str, message: dict[str, Any]) -> None:
    good = signed(aws, message, version)
    assert admitted(aws, good)
    assert not admitted(aws, {**good, "Message": f"{good['Message']} "})
    assert not admitted(aws, {**good, "MessageId": "another"})
    assert not admitted(aws, {**good, "Timestamp": "2026-03-02T09:00:02.000Z"})
    assert not admitted(aws, {**good, "SignatureVersion": "2" if version == "1" else "1"})
    assert not admitted(aws, signed(aws, message, version, OTHER_KEY))


def test_a_message_without_a_subject_is_signed_without_it(aws: Aws) -> None:
    assert admitted(aws, signed(aws, changed(TEXT, Subject=None)))
    assert not admitted(aws, {**signed(aws, changed(TEXT, Subject=None)), "Subject": "x"})
    assert not admitted(aws, changed(signed(aws, TEXT), Subject=None))


@pytest.mark.parametrize(
    "fields",
    [
        {"Signature": ""},
        {"Signature": "é"},
        {"Signature": None},
        {"Signature": 7},
        {"SignatureVersion": "3"},
        {"SignatureVersion": None},
        {"SigningCertURL": None},
        {"SigningCertURL": "https://evil.example/key.pem"},
        {"Type": "Else"},
        {"Type": ["Notification"]},
        {"TopicArn": "arn:aws:sns:eu-central-1:999999999999:alarms"},
        {"TopicArn": {}},
    ],
)
def test_what_is_not_let_in(aws: Aws, fields: dict[str, Any]) -> None:
    assert not admitted(aws, {**signed(aws, ALARM), **fields})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff"])
def test_what_is_no_message_is_not_let_in(aws: Aws, body: bytes) -> None:
    arrival = Arrival(body=body, received_at=NOW, headers={})
    assert not during(aws, lambda source: source.admit(arrival))
    assert aws.asked == []


def test_topics_that_nobody_named_cost_no_request(aws: Aws) -> None:
    assert not admitted(aws, signed(aws, ALARM), topics=("arn:aws:sns:eu-central-1:123456789012:others",))
    assert not admitted(aws, signed(aws, SUBSCRIPTION), topics=())
    assert aws.asked == []


@pytest.mark.parametrize(
    "pem",
    [
        certificate(since=NOW + DAY),
        certificate(until=NOW - timedelta(seconds=1)),
        certificate(name="sns.evil.example"),
        certificate(name="sns.eu-central-1.amazonaws.com.evil.example"),
        certificate(key=ec.generate_private_key(ec.SECP256R1())),
        certificate(key=rsa.generate_private_key(65537, 1024)),
        certificate(signed_with=KEY) + issuer(),
        b"",
        b"no certificate",
        certificate().replace(b"M", b"N"),
    ],
    ids=["not-yet", "past", "name", "longer-name", "elliptic", "weak", "chain", "empty", "text", "torn"],
)
def test_certificates_that_will_not_do(aws: Aws, pem: bytes) -> None:
    aws.served["/key.pem"] = (200, pem)
    message = signed(aws, ALARM)

    async def twice(source: SnsSource) -> list[bool]:
        return [await source.admit(of(message)), await source.admit(of(message))]

    assert during(aws, twice) == [False, False]
    assert aws.asked == ["/key.pem"], "what will not do is not fetched anew at once"


def test_a_certificate_with_its_issuer(aws: Aws) -> None:
    aws.served["/key.pem"] = (200, certificate() + issuer())
    assert admitted(aws, signed(aws, ALARM))


def test_a_certificate_is_fetched_once_until_it_ends(aws: Aws) -> None:
    aws.served["/key.pem"] = (200, certificate(until=NOW + DAY))
    message = signed(aws, ALARM)

    async def often(source: SnsSource) -> list[bool]:
        found = list(await asyncio.gather(*(source.admit(of(message)) for _ in range(5))))
        aws.served["/key.pem"] = (200, certificate(until=NOW + 90 * DAY))
        return [*found, await source.admit(of(message, NOW + 2 * DAY))]

    assert during(aws, often) == [True] * 6
    assert aws.asked == ["/key.pem"] * 2


@pytest.mark.parametrize("answer", [(404, b""), (500, b"x"), (200, b"x" * (CERTIFICATE_BYTES_MAX + 1))])
def test_a_certificate_that_cannot_be_had_now(aws: Aws, answer: tuple[int, bytes]) -> None:
    aws.served["/key.pem"] = answer
    with pytest.raises(SourceUnavailableError, match="certificate of AWS SNS cannot be had"):
        admitted(aws, signed(aws, ALARM))


def test_aws_that_cannot_be_reached(aws: Aws) -> None:
    message = signed(aws, ALARM)
    message["SigningCertURL"] = "http://127.0.0.1:9/key.pem"

    async def ask(source: SnsSource) -> bool:
        return await source.admit(of(message))

    async def run() -> None:
        source = SnsSource([TOPIC], new_client(), Trust(address=lambda url: True))
        with pytest.raises(SourceUnavailableError):
            await ask(source)
        await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/x.pem", True),
        ("https://sns.us-east-1.amazonaws.com:443/x.pem", True),
        ("http://sns.us-east-1.amazonaws.com/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com:8443/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com.evil.example/x.pem", False),
        ("https://evil.example/sns.us-east-1.amazonaws.com/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com@evil.example/x.pem", False),
        ("https://evil@sns.us-east-1.amazonaws.com/x.pem", False),
        ("https://s3.us-east-1.amazonaws.com/x.pem", False),
        ("https://sns-evil.us-east-1.amazonaws.com/x.pem", False),
        ("https://sns.us.east.amazonaws.com/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com\n.evil.example/x.pem", False),
        ("https://[x/x.pem", False),
        ("https://sns.us-east-1.amazonaws.com:x/x.pem", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_addresses_of_sns(url: str, wanted: bool) -> None:
    assert is_of_sns(url) is wanted


def read(message: dict[str, Any]) -> Parsed:
    return parse(SnsSource([TOPIC], new_client()), message)


def test_an_alarm_of_cloudwatch() -> None:
    parsed = read(ALARM)
    assert parsed.problems == ()
    assert parsed.delivery == ALARM["MessageId"]
    (alert,) = parsed.alerts
    assert alert.labels == {
        "alertname": "shop-5xx",
        "account": "123456789012",
        "region": "eu-central-1",
        "namespace": "AWS/ApplicationELB",
        "metric": "HTTPCode_Target_5XX_Count",
        "LoadBalancer": "app/shop/50dc6c495c0c9188",
        "topic": "alarms",
    }
    assert alert.summary == "More than 5 % of requests fail"
    assert "Threshold Crossed" in alert.annotations["description"]
    assert alert.generator_url.endswith("region=eu-central-1#alarmsV2:alarm/shop-5xx")
    assert alert.starts_at == datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)


def alarm(**fields: object) -> dict[str, Any]:
    return {**ALARM, "Message": json.dumps(changed(json.loads(ALARM["Message"]), **fields))}


def test_an_alarm_that_ends() -> None:
    ended = read(alarm(NewStateValue="OK", StateChangeTime="2026-03-02T09:04:00.000+0000"))
    (good,), (bad,) = ended.alerts, read(ALARM).alerts
    assert (good.status, good.fingerprint) == (AlertStatus.RESOLVED, bad.fingerprint)
    assert good.ends_at == datetime(2026, 3, 2, 9, 4, tzinfo=UTC)
    assert ended.sequence > read(ALARM).sequence
    elsewhere = read(alarm(AlarmArn="arn:aws:cloudwatch:us-east-1:123456789012:alarm:shop-5xx"))
    assert elsewhere.alerts[0].fingerprint != bad.fingerprint


def test_a_state_that_says_nothing() -> None:
    parsed = read(alarm(NewStateValue="INSUFFICIENT_DATA"))
    assert parsed.alerts == ()
    assert parsed.said == "Nothing to do: the state is INSUFFICIENT_DATA."


def test_an_alarm_without_what_may_be_missing() -> None:
    (alert,) = read(alarm(AlarmArn=None, Trigger=None, AlarmDescription=None, NewStateReason=None)).alerts
    assert alert.summary == "shop-5xx is in alarm"
    assert alert.generator_url == ""
    assert alert.labels["region"] == "EU (Frankfurt)"
    odd = alarm(
        AlarmArn="arn:aws:cloudwatch:x@evil.example/:1:alarm:y", Trigger={"Dimensions": [1, {}, None]}
    )
    assert read(odd).alerts[0].generator_url == ""


def test_any_other_text() -> None:
    (alert,) = read(TEXT).alerts
    assert alert.labels == {"alertname": "Nightly export failed", "topic": "alarms"}
    assert alert.annotations["description"].endswith("See the log.")
    (untitled,) = read(changed(TEXT, Subject=None)).alerts
    assert untitled.name == "The export of 2026-03-02 stopped at table orders."
    assert untitled.fingerprint != alert.fingerprint
    (empty,) = read(changed(TEXT, Subject=None, Message="")).alerts
    assert empty.name == "alarms"
    for odd in ("{", '{"a": 1}', "[]", '{"AlarmName": 7, "NewStateValue": "ALARM"}'):
        assert read(changed(TEXT, Message=odd)).alerts[0].annotations["description"] == odd


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("2026-03-02T08:05:00.000Z", True),
        ("2026-03-02T08:04:59.000Z", False),
        ("2026-03-02T10:05:01.000Z", False),
        ("2025-03-02T09:00:00.000Z", False),
        ("0001-01-01T00:00:00Z", False),
    ],
)
def test_what_is_old_is_refused(at: str, kept: bool) -> None:
    message = changed(TEXT, Timestamp=at)
    if kept:
        assert read(message).alerts
    else:
        assert refused(SnsSource([TOPIC], new_client()), message) == [("Timestamp", "too-old")]


def test_a_subscription_is_confirmed(aws: Aws) -> None:
    aws.served["/"] = (200, b"<ConfirmSubscriptionResponse/>")
    message = signed(aws, SUBSCRIPTION)

    async def both(source: SnsSource) -> Parsed:
        assert await source.admit(of(message))
        return await source.parse(of(message))

    parsed = during(aws, both)
    assert (parsed.alerts, parsed.said) == ((), "The subscription is confirmed.")
    assert aws.asked == ["/key.pem", "/?Action=ConfirmSubscription&Token=t"]
    aws.served["/"] = (500, b"")
    with pytest.raises(SourceUnavailableError, match="cannot be confirmed"):
        during(aws, both)


def test_a_subscription_leads_nowhere_else() -> None:
    for url in ("http://127.0.0.1:9/", "https://evil.example/?Action=ConfirmSubscription", ""):
        with pytest.raises(SourceError) as caught:
            read(changed(SUBSCRIPTION, SubscribeURL=url))
        assert [each.field for each in caught.value.problems] == ["SubscribeURL"]


def test_the_end_of_a_subscription_is_noted() -> None:
    parsed = read(changed(SUBSCRIPTION, Type="UnsubscribeConfirmation"))
    assert (parsed.alerts, parsed.said) == ((), "The end of the subscription is noted.")


def test_the_settings() -> None:
    text = f'[sources.sns]\ntopics = ["{TOPIC}"]\n'
    (made,) = sources(load_settings({}, {}, text, "tocsin.toml"), lambda ref, field: ref)
    assert isinstance(made, SnsSource)
    assert made._trust.address is is_of_sns
    assert sources(load_settings({}, {}, "", "tocsin.toml"), lambda ref, field: ref) == ()
