"""What is watched, out of the settings: read whole, and every mistake told at once with its place."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.watching.servers import make_certificate
from tocsin.alerts.heartbeats import Heartbeat
from tocsin.alerts.probes import DnsCheck, HttpCheck, TcpCheck, TlsCheck
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import load_settings, resolve_secret
from tocsin.config.settings import references_of
from tocsin.config.watches import Watches, watches_of

ENV = {"BACKUP_KEY": "0123456789abcdef", "HEALTH_TOKEN": "not-for-you", "SHORT": "tiny-one"}
ROOT = Path(__file__).resolve().parents[2]

FILE = """\
probes_from_playbook = true
probes_base_url = "https://shop.example/"

[heartbeats.queue]
every = "10m"
labels = { service = "shop" }

[heartbeats.backup]
cron = "0 3 * * *"
timezone = "Europe/Berlin"
grace = "30m"
runs_at_most = "2h"
key_ref = "env:BACKUP_KEY"

[probes.shop]
kind = "http"
url = "https://shop.example/health?probe=1"
status = [200, 204]
body_matches = "ok|pass"
slowest = "2s"
headers = { Accept = "text/plain", Authorization_ref = "env:HEALTH_TOKEN" }
failures = 3

[probes.db]
kind = "tcp"
host = "db.shop.example"
port = 5432

[probes.certificate]
kind = "tls"
host = "shop.example"
days = 21

[probes.name]
kind = "dns"
name = "shop.example"
record = "MX"
expected = ["10 mail.shop.example"]

[inbound_mail]
port = 2526
domain = "mail.shop.example"
addresses = { "alerts@shop.example" = { service = "shop" } }
require = "either"
"""


def read(text: str) -> Watches:
    settings = load_settings({}, {}, text, "tocsin.toml")

    def secret(ref: str, field: str) -> str:
        return resolve_secret(ref, ENV, lambda path: Path(path).read_text(), field)

    return watches_of(settings, secret)


def problems(text: str) -> list[Problem]:
    with pytest.raises(ProblemsError) as caught:
        read(text)
    assert all(each.mend and each.message for each in caught.value.problems)
    return list(caught.value.problems)


def test_everything() -> None:
    found = read(FILE)
    assert found.heartbeats == (
        Heartbeat(name="queue", every=timedelta(minutes=10), labels={"service": "shop"}),
        Heartbeat(
            name="backup",
            cron="0 3 * * *",
            timezone="Europe/Berlin",
            grace=timedelta(minutes=30),
            runs_at_most=timedelta(hours=2),
            key="0123456789abcdef",
        ),
    )
    shop, db, certificate, name = found.probes
    assert shop.check == HttpCheck(
        url="https://shop.example/health?probe=1",
        statuses=(200, 204),
        body_matches="ok|pass",
        slowest=timedelta(seconds=2),
        headers={"Accept": "text/plain", "Authorization": "not-for-you"},
    )
    assert (shop.target, shop.failures, shop.successes) == ("https://shop.example/health", 3, 2)
    assert db.check == TcpCheck(host="db.shop.example", port=5432)
    assert certificate.check == TlsCheck(host="shop.example", port=443, name="shop.example", days=21)
    assert name.check == DnsCheck(name="shop.example", record="MX", expected=("10 mail.shop.example",))
    assert found.mail is not None
    assert found.mail.require == "either"
    assert found.from_playbook.allowed
    assert found.from_playbook.base_url == "https://shop.example"


def test_nothing_is_set_up_without_settings() -> None:
    assert read("") == Watches()
    assert not Watches().from_playbook.allowed


def test_the_references_are_known_to_checks() -> None:
    settings = load_settings({}, {}, FILE, "tocsin.toml")
    assert {("env:BACKUP_KEY", "heartbeats.backup.key_ref")} <= set(references_of(settings))
    assert {("env:HEALTH_TOKEN", "probes.shop.headers.Authorization_ref")} <= set(references_of(settings))


def test_no_secret_is_shown() -> None:
    assert "not-for-you" not in repr(read(FILE))
    assert "0123456789abcdef" not in repr(read(FILE))


BAD = {
    "[heartbeats.a]": "heartbeats.a",
    '[heartbeats.a]\nevery = "10m"\ncron = "0 3 * * *"': "heartbeats.a",
    '[heartbeats.a]\nevery = "1s"': "heartbeats.a.every",
    '[heartbeats.a]\nevery = "often"': "heartbeats.a.every",
    "[heartbeats.a]\nevery = 600": "heartbeats.a.every",
    '[heartbeats.a]\ncron = "0 3 * *"': "heartbeats.a.cron",
    '[heartbeats.a]\ncron = "0 0 31 2 *"': "heartbeats.a.cron",
    '[heartbeats.a]\ncron = "0 3 * * *"\ntimezone = "Berlin"': "heartbeats.a.timezone",
    '[heartbeats.a]\nevery = "10m"\ngrade = "5m"': "heartbeats.a",
    '[heartbeats.a]\nevery = "10m"\nkey_ref = "env:SHORT"': "heartbeats.a.key_ref",
    '[heartbeats.a]\nevery = "10m"\nkey_ref = "env:MISSING"': "heartbeats.a.key_ref",
    '[heartbeats.a]\nevery = "10m"\nlabels = { "a-b" = "x" }': "heartbeats.a.labels.a-b",
    '[heartbeats."a b"]\nevery = "10m"': "heartbeats.a b",
    "[heartbeats]\na = 1": "heartbeats.a",
    "[probes.a]": "probes.a.kind",
    '[probes.a]\nkind = "icmp"': "probes.a.kind",
    '[probes.a]\nkind = "http"': "probes.a",
    '[probes.a]\nkind = "http"\nurl = "shop.example"': "probes.a.url",
    '[probes.a]\nkind = "http"\nurl = "https://a:b@shop.example"': "probes.a.url",
    '[probes.a]\nkind = "http"\nurl = "https://x.example"\nfailures = 1': "probes.a.failures",
    '[probes.a]\nkind = "http"\nurl = "https://x.example"\nbody_matches = "(?=x)"': "probes.a.body_matches",
    '[probes.a]\nkind = "http"\nurl = "https://x.example"\nstatus = 20': "probes.a.status",
    '[probes.a]\nkind = "http"\nurl = "https://x.example"\nheaders = { "a b" = "x" }': "probes.a.headers.a b",
    '[probes.a]\nkind = "http"\nurl = "https://x.example"\ntimeout = "5m"': "probes.a.timeout",
    '[probes.a]\nkind = "tcp"\nhost = "x.example"\nport = 0': "probes.a.port",
    '[probes.a]\nkind = "tls"\nhost = "x example"': "probes.a.host",
    '[probes.a]\nkind = "dns"\nname = "x.example"\nrecord = "ANY"': "probes.a.record",
    "[inbound_mail]": "inbound_mail",
    "[inbound_mail]\naddresses = {}": "inbound_mail.addresses",
    '[inbound_mail]\naddresses = { "alerts" = {} }': "inbound_mail.addresses.alerts",
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\nport = 0': "inbound_mail.port",
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\nmax_bytes = 1': "inbound_mail.max_bytes",
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\nper_minute = 0': "inbound_mail.per_minute",
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\nrequire = "dmarc"': "inbound_mail.require",
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\nallowed_senders = ["*"]': (
        "inbound_mail.allowed_senders"
    ),
    '[inbound_mail]\naddresses = { "a@x.example" = {} }\ncertificate = "a.pem"': "inbound_mail.certificate",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text.replace("\n", " ")[:60])
def test_what_is_wrong_is_told_with_its_place(text: str) -> None:
    (found,) = problems(text)
    assert found.field == BAD[text]
    assert "tiny-one" not in found.message


def test_all_of_it_is_told_at_once() -> None:
    text = '[heartbeats.a]\n[heartbeats.b]\nevery = "x"\n[probes.c]\nkind = "icmp"\n'
    text += "[inbound_mail]\naddresses = {}\n"
    assert {each.field for each in problems(text)} == {
        "heartbeats.a",
        "heartbeats.b.every",
        "probes.c.kind",
        "inbound_mail.addresses",
    }


def test_a_certificate_and_its_key_are_tried(tmp_path: Path) -> None:
    one = make_certificate(tmp_path, ["x.example"], lasts=timedelta(days=1))
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other", ["x.example"], lasts=timedelta(days=1))
    head = '[inbound_mail]\naddresses = { "a@x.example" = {} }\n'
    good = f'certificate = "{one.certificate}"\ncertificate_key = "{one.key}"\n'
    assert read(head + good).mail is not None
    bad = f'certificate = "{one.certificate}"\ncertificate_key = "{other.key}"\n'
    assert [each.field for each in problems(head + bad)] == ["inbound_mail.certificate"]


@pytest.mark.parametrize("page", ["heartbeats", "probes", "inbound-mail"])
def test_the_settings_in_the_guide_are_taken(page: str) -> None:
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        found = read(block)
        assert found != Watches()
