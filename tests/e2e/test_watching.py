"""A real server that watches: heartbeats over a crash and an outage, a probe, and mail over SMTP."""

import smtplib
import time
from datetime import timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.e2e.house import House, empty_house, free_port, house, until

KEY = "0123456789abcdefghij"
ENV = {"BACKUP_KEY": KEY}
HEARTBEATS = """
[heartbeats.queue]
every = "5s"
grace = "2s"
labels = { severity = "critical" }

[heartbeats.backup]
cron = "0 3 * * *"
timezone = "Europe/Berlin"
key_ref = "env:BACKUP_KEY"
"""


def firing(tocsin: House) -> dict[str, str]:
    """The summaries of the alerts that fire, by the name of what they are about."""
    found = [each["alert"] for each in tocsin.api("GET", "/alerts")["alerts"]]
    names = ("heartbeat", "probe", "alertname")
    return {
        next(each["labels"][name] for name in names if name in each["labels"]): each["annotations"]["summary"]
        for each in found
        if each["status"] == "firing"
    }


def test_heartbeats_over_a_crash(tmp_path: Path) -> None:
    with house(tmp_path, settings=HEARTBEATS, env=ENV) as tocsin:
        assert tocsin.ask("GET", "/beat/queue").status_code == 200
        assert tocsin.ask("POST", f"/beat/backup/{KEY}/fail", content=b"exit 1").status_code == 200
        assert set(firing(tocsin)) == {"backup"}
        until(lambda: "queue" in firing(tocsin), 20, "the silence is not noticed")
        tocsin.kill()
        tocsin.start()
        # A silence that fell into the outage would get its grace again, and then be told as before.
        until(lambda: set(firing(tocsin)) == {"queue", "backup"}, 20, "a silence is forgotten")
        assert tocsin.ask("HEAD", "/beat/queue").status_code == 200
        assert tocsin.ask("GET", f"/beat/backup/{KEY}").status_code == 200
        assert firing(tocsin) == {}
        assert KEY not in tocsin.log
        assert tocsin.run("verify").code == 0


def test_a_long_outage_raises_no_false_alarm(tmp_path: Path) -> None:
    with house(tmp_path, settings=HEARTBEATS.replace("5s", "10m"), env=ENV, own_clock=True) as tocsin:
        assert tocsin.ask("GET", "/beat/queue").status_code == 200
        time.sleep(1)
        tocsin.kill()
        tocsin.be_ahead(timedelta(hours=2))
        tocsin.start()
        time.sleep(3)
        assert firing(tocsin) == {}
        tocsin.be_ahead(timedelta(hours=2, minutes=11))
        # A clock that jumps while it runs excuses as well; nothing comes of it either.
        time.sleep(12)
        assert firing(tocsin) == {}
        assert "nothing was heard for a while" in tocsin.log


class Shop(BaseHTTPRequestHandler):
    """Is well or ill, as the test wants."""

    status = 200

    def do_GET(self) -> None:
        """Answer the health check."""
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_a_health_check_of_the_playbook_and_a_mail(tmp_path: Path) -> None:
    shop = HTTPServer(("127.0.0.1", 0), Shop)
    Thread(target=shop.serve_forever, daemon=True).start()
    base, port = f"http://127.0.0.1:{shop.server_address[1]}", free_port()
    settings = f"""
[probes.shop]
kind = "http"
url = "{base}/health"
every = "5s"

[inbound_mail]
port = {port}
addresses = {{ "alerts@tocsin.example" = {{ severity = "critical" }} }}
check_proofs = false
"""
    try:
        with house(tmp_path, settings=settings) as tocsin:
            until(lambda: tocsin.api("GET", "/probes")["probes"][0]["results"], 15)
            Shop.status = 503
            found = until(lambda: firing(tocsin), 30, "the outage is not noticed")
            assert found == {"shop": "shop: it answered 503 instead of 200."}
            Shop.status = 200
            until(lambda: not firing(tocsin), 30, "the end of the outage is not noticed")
            message = EmailMessage()
            message["From"], message["To"] = "mon@example.com", "alerts@tocsin.example"
            message["Subject"] = "PROBLEM: disk full"
            message.set_content("It is full.")
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                client.send_message(message)
                del message["Subject"]
                assert set(firing(tocsin)) == {"disk full"}
                message["Subject"] = "RESOLVED: disk full"
                client.send_message(message)
            assert firing(tocsin) == {}
            code, took = tocsin.stop()
            assert code == 0
            assert took < 10
    finally:
        shop.shutdown()
        shop.server_close()


def test_wrong_settings_are_told_before_anything_begins(tmp_path: Path) -> None:
    settings = '[heartbeats.a]\n[probes.b]\nkind = "icmp"\n[inbound_mail]\naddresses = {}\n'
    with empty_house(tmp_path, settings=settings) as tocsin:
        code, said = tocsin.refused()
    assert code != 0
    for place in ("heartbeats.a", "probes.b.kind", "inbound_mail.addresses"):
        assert place in said
    assert "Traceback" not in said
