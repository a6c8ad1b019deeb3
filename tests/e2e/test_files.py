"""The files of a team: what is refused at the start, and what becomes of edits while the server runs."""

import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.e2e import people
from tests.e2e.house import ROOT, House, empty_house, house, until

PLAYBOOK = (ROOT / "src/tocsin/examples/playbook.md").read_text(encoding="utf-8")
BROKEN_ROSTER = """\
[people.olga]
name = "Olga"
zone = "Mars/Olympus"
methods = [{ kind = "pigeon", address = "olga" }]

[roles."On-Call Engineer"]
people = ["olgga"]
"""


def refusal(tocsin: House) -> str:
    """What a server says that does not start."""
    code, said = tocsin.refused()
    assert code == 1, said
    assert "Traceback" not in said
    assert not tocsin.database.exists(), "nothing was begun"
    return said


def test_every_fault_of_a_roster_is_told_at_once(tmp_path: Path) -> None:
    with empty_house(tmp_path, roster=BROKEN_ROSTER) as tocsin:
        said = refusal(tocsin)
        for line, what in ((3, "Mars/Olympus"), (4, "pigeon"), (7, "olgga")):
            found = [text for text in said.splitlines() if f"roster.toml:{line}:" in text]
            assert found, said
            assert what in found[0]
        mends = [text for text in said.splitlines() if text.startswith("  ")]
        assert len(mends) >= 3


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    settings = 'log = { level = "loud" }\npage_bundle_window = "1 year"\ncolour = "red"\nport = 99999999\n'
    with empty_house(tmp_path, settings=settings) as tocsin:
        said = refusal(tocsin)
        for line in (1, 2, 3):
            assert f"tocsin.toml:{line}:" in said, said
        assert "colour" in said


def test_a_playbook_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content in (
        ("front", "---\ntocsin: [1\n---\n" + PLAYBOOK),
        ("empty", "# Nothing in it\n"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with empty_house(folder, playbook=content, roster=BROKEN_ROSTER) as tocsin:
            said = refusal(tocsin)
            assert "playbook.md" in said
            assert "roster.toml:3:" in said, "the roster's faults are told with it"
    with empty_house(tmp_path, playbook=tmp_path / "missing.md", roster=people.roster()) as tocsin:
        assert "The playbook cannot be read" in refusal(tocsin)


def test_the_port_is_taken(tmp_path: Path) -> None:
    with empty_house(tmp_path) as tocsin, closing(socket.socket()) as other:
        other.bind(("127.0.0.1", tocsin.port))
        other.listen()
        said = refusal(tocsin)
        assert f"cannot listen on 127.0.0.1:{tocsin.port}" in said
        assert "--port" in said
        assert len(said.strip().splitlines()) == 2


def test_a_second_server_on_the_same_port(tmp_path: Path) -> None:
    with house(tmp_path) as tocsin:
        folder = tmp_path / "second"
        folder.mkdir()
        with empty_house(folder) as second:
            second.port = tocsin.port
            assert "cannot listen" in refusal(second)
        assert tocsin.ask("GET", "/healthz").status_code == 200


def test_edits_are_followed_where_they_are_right(tmp_path: Path) -> None:
    with house(tmp_path, playbook=PLAYBOOK, roster=people.roster()) as tocsin:
        assert tocsin.playbook is not None
        assert tocsin.roster is not None
        tocsin.alert("CheckoutDown")
        pinned = tocsin.incident("INC-1")["playbook"]

        tocsin.roster.write_text(BROKEN_ROSTER, encoding="utf-8")
        until(lambda: "the changed files are refused" in tocsin.log, 10, "nobody tells of the fault")
        assert "roster.toml:7" in tocsin.log
        on_call = tocsin.api("GET", "/oncall")["roles"][0]
        assert [person["name"] for person in on_call["people"]] == ["Olga Test"]

        tocsin.playbook.write_text("---\ntocsin: [1\n---\n" + PLAYBOOK, encoding="utf-8")
        until(lambda: "The front matter cannot be read" in tocsin.log, 10, "nobody tells of the fault")
        tocsin.alert("SearchSlow")
        assert tocsin.incident("INC-2")["playbook"] == pinned

        tocsin.roster.write_text(people.roster().replace("Olga Test", "Olga Novak"), encoding="utf-8")
        changed = PLAYBOOK.replace("within 15 minutes", "within 10 minutes").replace("checkout down, ", "")
        assert changed != PLAYBOOK
        began = time.monotonic()
        tocsin.playbook.write_text(changed, encoding="utf-8")
        until(lambda: "the playbook and the roster were read again" in tocsin.log, 10, "no edit is seen")
        print(f"followed after {time.monotonic() - began:.1f} s")
        people_now = tocsin.api("GET", "/oncall")["roles"][0]["people"]
        assert [person["name"] for person in people_now] == ["Olga Novak"]

        tocsin.alert("PaymentsFailing")
        new, old = tocsin.api("GET", "/incidents/INC-3"), tocsin.api("GET", "/incidents/INC-1")
        assert new["incident"]["playbook"] != pinned
        assert new["severity"]["respond_within"] == "PT600S"
        assert (old["incident"]["playbook"], old["severity"]["respond_within"]) == (pinned, "PT900S")

        tocsin.run("repin", "INC-1")
        moved = tocsin.api("GET", "/incidents/INC-1")
        assert moved["incident"]["playbook"] == new["incident"]["playbook"]
        assert moved["severity"]["respond_within"] == "PT600S"
        assert tocsin.run("verify").code == 0

        tocsin.kill()
        tocsin.start()
        assert tocsin.api("GET", "/incidents/INC-1")["severity"]["respond_within"] == "PT600S"


def test_an_edit_while_the_database_is_locked_is_followed_later(tmp_path: Path) -> None:
    with house(tmp_path, playbook=PLAYBOOK, roster=people.roster()) as tocsin:
        assert tocsin.playbook is not None
        with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            edited = PLAYBOOK.replace("within 15 minutes", "within 10 minutes")
            tocsin.playbook.write_text(edited, encoding="utf-8")
            until(lambda: "the changed files are followed later" in tocsin.log, 20, "no edit is seen")
            other.execute("ROLLBACK")
        until(lambda: "the playbook and the roster were read again" in tocsin.log, 20, "it is forgotten")
        tocsin.alert("CheckoutDown")
        assert tocsin.api("GET", "/incidents/INC-1")["severity"]["respond_within"] == "PT600S"


def test_a_file_that_is_gone_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    with house(tmp_path, playbook=PLAYBOOK, roster=people.roster()) as tocsin:
        assert tocsin.roster is not None
        kept = tocsin.roster.read_bytes()
        tocsin.roster.unlink()
        time.sleep(3)
        assert tocsin.alert("CheckoutDown") == "INC-1"
        until(lambda: len(tocsin.outbox()) == 2, 10, "nobody is paged")
        tocsin.roster.write_bytes(kept)
        assert "error" not in tocsin.log
