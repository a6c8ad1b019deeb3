"""In the place of Alertmanager, with real parts: Prometheus sends to Tocsin, and amtool speaks with it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e import people
from tests.e2e.alertmanager import alertmanager
from tests.e2e.house import ROOT, House, house, until
from tests.e2e.prometheus import amtool, program_of, prometheus

EXAMPLE = ROOT / "src/tocsin/examples/playbook.md"
CLOSED = "allow_unauthenticated_sources = false\n"
PLAIN = "allow_unauthenticated_sources = true\n"


def firing(tocsin: House) -> list[str]:
    """The names of the alerts of INC-1 that have not ended."""
    alerts = tocsin.incident("INC-1")["alerts"]
    return [each["labels"]["alertname"] for each in alerts if each["ends_at"] is None]


def test_prometheus_sends_to_tocsin(tmp_path: Path) -> None:
    with house(tmp_path, playbook=EXAMPLE, roster=people.roster(), settings=CLOSED) as tocsin:
        words = ("--name", "prometheus", "--scope", "source", "--json")
        token = tocsin.run("token", "create", *words).json["token"]
        with prometheus(tmp_path, tocsin.url, token) as checkout:
            checkout.up = False
            opened = until(lambda: tocsin.api("GET", "/incidents")["incidents"], 60, "no incident")
            assert [(each["id"], each["level"]) for each in opened] == [("INC-1", "P1")]
            (record,) = tocsin.api("GET", "/alerts")["alerts"]
            assert record["alert"]["source"] == "prometheus"
            assert record["alert"]["annotations"]["summary"].startswith("Checkout of 127.0.0.1:")
            assert record["alert"]["expires_at"] is not None
            assert firing(tocsin) == ["CheckoutDown"]

            def repeated() -> bool:
                (again,) = tocsin.api("GET", "/alerts")["alerts"]
                return again["times"] >= 3

            until(repeated, 30, "Prometheus does not repeat")
            assert len(tocsin.api("GET", "/incidents")["incidents"]) == 1
            checkout.up = True
            until(lambda: not firing(tocsin), 60, "the end of the alert did not come")
            assert "Alert CheckoutDown has ended; none is firing any more." in tocsin.texts("INC-1")
            assert tocsin.run("verify").code == 0


def test_prometheus_sends_to_tocsin_over_alertmanager(tmp_path: Path) -> None:
    with (
        house(tmp_path, playbook=EXAMPLE, roster=people.roster()) as tocsin,
        alertmanager(tmp_path, tocsin.url) as manager,
        prometheus(tmp_path, manager.url) as checkout,
    ):
        checkout.up = False
        until(lambda: tocsin.api("GET", "/incidents")["incidents"], 60, "no incident")
        (record,) = _alerts(tocsin)
        assert record["alert"]["source"] == "alertmanager"
        assert record["alert"]["annotations"]["summary"].startswith("Checkout of 127.0.0.1:")
        checkout.up = True
        until(lambda: not firing(tocsin), 60, "the end of the alert did not come")


def test_amtool_speaks_with_tocsin(tmp_path: Path) -> None:
    with house(tmp_path, playbook=EXAMPLE, roster=people.roster(), settings=PLAIN) as tocsin:

        def am(*words: str, **more: Any) -> str:
            return amtool(tmp_path, tocsin.url, *words, **more).out

        labels = ("alertname=CheckoutDown", "severity=critical", "node=a")
        am("alert", "add", *labels, "--annotation=summary=down")
        am("alert", "add", "alertname=DiskFull", "severity=warning")
        titles = {each["title"] for each in tocsin.api("GET", "/incidents")["incidents"]}
        assert titles >= {"CheckoutDown: down"}
        listed = am("alert", "query")
        assert "CheckoutDown" in listed
        assert "DiskFull" in listed
        assert "DiskFull" not in am("alert", "query", "severity=~crit.*", "node!=b")
        assert "CheckoutDown" in am("-o", "extended", "alert", "query", "CheckoutDown")

        scope = ("--scope", "responder", "--json")
        responder = tocsin.run("token", "create", "--name", "ops", *scope).json["token"]
        refused = amtool(tmp_path, tocsin.url, "silence", "add", "alertname=DiskFull", "-c", "x", code=1)
        assert "401" in refused.err
        words = ("silence", "add", "alertname=~Disk.*", "severity!=critical", "-c", "a new disk", "-d", "1h")
        made = am(*words, "-a", "alice", token=responder).strip()
        assert made in am("silence", "query")
        assert made in am("silence", "query", "-q", "alertname=~.*Disk.*")
        assert am("silence", "query", "-q", "alertname=other") == ""
        (shown,) = tocsin.run("silence", "list", "--json").json["silences"]
        assert shown["id"] == made
        assert shown["text"] == 'alertname=~"Disk.*", severity!="critical"'
        assert (shown["created_by"], shown["comment"]) == ("alice (via ops)", "a new disk")
        assert "DiskFull" not in am("alert", "query")
        assert "DiskFull" in am("alert", "query", "-s")
        by = {each["alert"]["labels"]["alertname"]: each["silenced_by"] for each in _alerts(tocsin)}
        assert by == {"CheckoutDown": [], "DiskFull": [made]}

        assert made in am("silence", "update", "-d", "3h", made, token=responder)
        (changed,) = tocsin.run("silence", "list", "--json").json["silences"]
        assert (changed["id"], changed["starts_at"]) == (made, shown["starts_at"])
        assert changed["ends_at"] > shown["ends_at"]
        saved = tmp_path / "silences.json"
        saved.write_text(am("-o", "json", "silence", "query"), encoding="utf-8")
        am("silence", "expire", made, token=responder)
        assert made not in am("silence", "query")
        assert made in am("silence", "query", "--expired")
        assert "DiskFull" in am("alert", "query")

        again = am("silence", "import", str(saved), token=responder).strip()
        assert again != made
        assert again in am("silence", "query", "alertname=~Disk.*")

        assert "playbook.md" in am("config", "show")
        assert am("config", "routes", "test", "alertname=DiskFull").strip() == "playbook.md"
        assert "disabled" in am("cluster", "show")
        assert am("-o", "json", "config", "show").startswith("{")


def _alerts(tocsin: House) -> Any:
    return tocsin.api("GET", "/alerts")["alerts"]


def test_silences_of_the_command_line(tmp_path: Path) -> None:
    with house(tmp_path, playbook=EXAMPLE, roster=people.roster()) as tocsin:
        words = ("silence", "add", "Disk is full", "team=~web|shop", "--reason", "a new disk", "--json")
        made = tocsin.run(*words, "--for", "2h").json
        assert made["text"] == 'alertname="Disk is full", team=~"web|shop"'
        assert made["id"] in tocsin.run("silence", "list").out
        assert made["id"] in tocsin.run("silence", "list", "Disk is full").out
        refused = tocsin.run("silence", "add", "a=~(", "--reason", "x", "--for", "2h", code=1)
        assert "no regular expression" in refused.err
        assert "ended" in tocsin.run("silence", "expire", made["id"]).out
        assert tocsin.run("silence", "list").out == "There are no silences.\n"
        assert made["id"] in tocsin.run("silence", "list", "--all").out
        assert "There is no silence 0a1b." in tocsin.run("silence", "expire", "0a1b", code=1).err


GUIDE = ROOT / "docs/guide"
PAGES = ("sources/alertmanager.md", "sources/prometheus.md", "sources/grafana.md", "silences.md")


def examples(page: str) -> list[str]:
    """The commands of a page that a reader may copy."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^```([a-z]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in fenced if not language]
    return [line for block in blocks for line in block.splitlines() if line]


def test_the_commands_of_the_guide_do_what_they_say(tmp_path: Path) -> None:
    program_of("amtool")
    settings = people.roster()
    with house(tmp_path, playbook=EXAMPLE, roster=settings) as tocsin:
        scope = ("--scope", "responder", "--json")
        token = tocsin.run("token", "create", "--name", "ops", *scope).json["token"]
        (tmp_path / "http.yml").write_text(f"authorization:\n  credentials: {token}\n", encoding="utf-8")
        known = {"TOCSIN_URL": tocsin.url, "TOCSIN_DATA": str(tocsin.data), "TOCSIN_TOKEN": token}
        env = tocsin.environment(HOME=str(tmp_path), no_proxy="127.0.0.1", **known)
        commands = [line for page in PAGES for line in examples(page)]
        assert {line.split()[0] for line in commands} == {"curl", "amtool", "tocsin"}
        for line in commands:
            ran = subprocess.run(
                ["bash", "-c", _as_here(line, tocsin)], cwd=tmp_path, env=env, capture_output=True, text=True
            )
            assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
        names = {each["alert"]["labels"]["alertname"] for each in _alerts(tocsin)}
        assert names == {"CheckoutDown", "DiskFull", "High load"}
        assert len(tocsin.run("silence", "list", "--all", "--json").json["silences"]) == 4


def _as_here(line: str, tocsin: House) -> str:
    """A command of the guide with the address, the program and the silence that there are here."""
    if line.startswith("tocsin silence expire"):
        first, *_ = tocsin.run("silence", "list", "--json").json["silences"]
        line = f"tocsin silence expire {first['id']}"
    line = line.replace("http://127.0.0.1:8800", tocsin.url)
    line = re.sub(r"^curl ", "curl --fail-with-body -sS ", line)
    return re.sub(r"^tocsin", f"{sys.executable} -m tocsin", line)
