"""The whole life of an incident by a person: from the command line alone, and from the API alone."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.e2e import people
from tests.e2e.house import House, die_with_parent, house, until

TITLE = "Checkout down for every customer"
PAY = "are-customers-unable-to-pay"
ROUND = "can-customers-get-round-it-by-themselves"


def read(tocsin: House, name: str = "INC-1") -> Any:
    """The incident as the command line shows it to a program."""
    return tocsin.run("incident", name, "--json").json["incident"]


def happened(tocsin: House, name: str = "INC-1") -> list[str]:
    """The kinds of the entries, by the command line."""
    return [line["kind"] for line in tocsin.run("timeline", name, "--json").json["lines"]]


def test_the_whole_life_from_the_command_line(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        _begin(tocsin)
        _work(tocsin)
        _end(tocsin)
        kinds = happened(tocsin)
        for kind in ("Opened", "Paged", "Acknowledged", "Noted", "TriageAnswered", "SeverityChanged"):
            assert kind in kinds
        for kind in (
            "Escalated",
            "MessageSent",
            "ItemChecked",
            "Mitigated",
            "Resolved",
            "Reopened",
            "Closed",
        ):
            assert kind in kinds
        assert "Verified: 1 incident" in tocsin.run("verify").out


def _begin(tocsin: House) -> None:
    said = tocsin.run("declare", TITLE, "--description", "Nobody can pay")
    assert said.out.startswith("INC-1 (P1, open):")
    assert [each["id"] for each in tocsin.run("incidents", "--json").json["incidents"]] == ["INC-1"]
    assert TITLE in tocsin.run("incidents").out
    assert read(tocsin)["evidence"]["rule"] == "example"
    until(lambda: {line["to"] for line in tocsin.outbox()} >= {"olga", "tara"}, 10, "nobody is paged")

    nobody = tocsin.run("ack", "INC-1", code=1)
    assert "--as PERSON" in nobody.err
    tocsin.run("ack", "INC-1", person="olga")
    incident = read(tocsin)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "olga")
    assert "Olga Test acknowledged INC-1 first" in tocsin.run("ack", "1", person="sam").out


def _work(tocsin: House) -> None:
    tocsin.run("note", "INC-1", "The provider's page says maintenance")
    assert "Noted" in happened(tocsin)

    tocsin.run("triage", "INC-1", PAY, "yes")
    tocsin.run("triage", "INC-1", ROUND, "yes")
    incident = read(tocsin)
    assert incident["answers"] == {PAY: "yes", ROUND: "yes"}
    assert incident["level"] == "P2"
    tocsin.run("severity", "INC-1", "P1", "--reason", "it is the busiest day")
    incident = read(tocsin)
    assert (incident["level"], incident["level_by_hand"]) == ("P1", True)

    tocsin.run("assign", "INC-1", "me", person="tara")
    assert read(tocsin)["commander"] == "tara"
    tocsin.run("assign", "INC-1", "sam")
    assert read(tocsin)["offered_to"] == "sam"
    tocsin.run("ack", "INC-1", person="sam")
    assert read(tocsin)["commander"] == "sam"

    tocsin.run("escalate", "INC-1", "Platform Lead", "--reason", "the host is slow")
    assert any(page["person"] == "paul" for page in read(tocsin)["pages"])
    until(lambda: any(line["to"] == "paul" for line in tocsin.outbox()), 20, "paul is not paged")
    tocsin.run("category", "INC-1", "infrastructure")
    assert "infrastructure" in read(tocsin)["categories"]

    missing = tocsin.run("message", "INC-1", "initial", "--preview", "--json").json["missing"]
    assert missing == ["Impact"]
    assert "Impact" in tocsin.run("message", "INC-1", "initial", code=1).err
    tocsin.run("message", "INC-1", "initial", "--set", "Impact=nobody can pay")
    sent = read(tocsin)["messages"]
    assert [message["kind"] for message in sent] == ["initial"]
    told = until(lambda: [line for line in tocsin.outbox() if line["to"] == "all"], 10, "no message")
    text = " ".join([told[0]["subject"], *told[0]["lines"]])
    assert "nobody can pay" in text
    assert "[" not in text.replace("[P1]", "")

    tocsin.run("checkoff", "INC-1", "find-the-cause", "--note", "it was the certificate")
    assert read(tocsin)["checked"] == ["find-the-cause"]
    tocsin.run("checkoff", "INC-1", "find-the-cause", "--undo")
    assert read(tocsin)["checked"] == []


def _end(tocsin: House) -> None:
    early = tocsin.run("close", "INC-1", code=1)
    assert "resolve" in early.err.casefold()
    assert "resolve it first" in tocsin.run("postmortem", "INC-1", "--publish", code=1).err

    tocsin.run("mitigated", "INC-1", "--summary", "the other provider takes over")
    assert read(tocsin)["state"] == "mitigated"
    assert tocsin.run("resolve", "INC-1", "--root-cause", " ", "--fix", "x", code=1).err.strip()
    assert "--fix" in tocsin.run("resolve", "INC-1", "--root-cause", "x", code=2).err
    words = ("--root-cause", "an old certificate", "--fix", "a new one", "--verification", "test order")
    tocsin.run("resolve", "INC-1", *words)
    assert read(tocsin)["state"] == "resolved"

    tocsin.run("reopen", "INC-1", "--reason", "it came back")
    reopened = read(tocsin)
    assert (reopened["state"], reopened["generation"]) == ("open", 1)
    tocsin.run("ack", "INC-1", person="tara")
    tocsin.run("resolve", "INC-1", *words)

    draft = tocsin.run("postmortem", "INC-1").out
    assert "an old certificate" in draft
    tocsin.run("postmortem", "INC-1", "--publish")
    assert read(tocsin)["postmortem_text"].strip() == draft.strip()
    tocsin.run("close", "INC-1", "--reason", "all is done")
    assert read(tocsin)["state"] == "closed"
    assert tocsin.run("incidents", "--json").json["incidents"] == []
    assert [each["id"] for each in tocsin.run("incidents", "--all", "--json").json["incidents"]] == ["INC-1"]
    late = tocsin.run("ack", "INC-1", person="olga")
    assert "closed already" in late.out


def test_dismiss_and_merge_and_what_is_refused(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        for service in ("a", "b", "c"):
            tocsin.alert("SearchSlow", labels={"service": service})
        tocsin.run("dismiss", "INC-1", "--reason", "a test of the probe")
        assert read(tocsin)["state"] == "dismissed"
        tocsin.run("merge", "INC-2", "INC-3")
        merged, taken = read(tocsin, "INC-2"), read(tocsin, "INC-3")
        assert (merged["state"], merged["merged_into"]) == ("merged", "INC-3")
        assert {alert["labels"]["service"] for alert in taken["alerts"]} == {"b", "c"}
        assert "Absorbed" in happened(tocsin, "INC-3")

        for words, why in (
            (("incident", "99"), "There is no incident INC-99"),
            (("note", "INC-99", "x"), "There is no incident INC-99"),
            (("note", "INC-3", "  "), ""),
            (("ack", "INC-3", "--as", "nobody"), "Nobody in the roster is called"),
            (("severity", "INC-3", "P9", "--reason", "x"), "P9"),
            (("severity", "INC-3", "P1", "--reason", " "), "reason"),
            (("escalate", "INC-3", "Gardener", "--reason", "x"), "no role"),
            (("triage", "INC-3", "no-such-question", "yes"), "no-such-question"),
            (("checkoff", "INC-3", "no-such-item"), "no-such-item"),
            (("assign", "INC-3", "nobody"), "Nobody in the roster is called"),
            (("assign", "INC-3", "me", "--as", "carl"), "no role that may command"),
            (("reopen", "INC-2", "--reason", "x"), "merged"),
            (("merge", "INC-1", "INC-3"), "dismissed"),
            (("resolve", "INC-1", "--root-cause", "x", "--fix", "y"), "dismissed"),
            (("mitigated", "INC-2"), "merged"),
            (("declare", " "), ""),
        ):
            refused = tocsin.run(*words, code=1)
            assert refused.out == "", words
            assert refused.err.strip(), words
            assert why in refused.err, (words, refused.err)
        assert tocsin.run("verify").code == 0


def test_the_whole_life_from_the_api(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        opened = tocsin.api("POST", "/incidents", {"title": TITLE}, status=201)
        assert opened["incident"]["id"] == "INC-1"

        def ask(verb: str, status: int = 200, **body: Any) -> Any:
            answer = tocsin.api("POST", f"/incidents/INC-1/{verb}", body, status)
            return answer["incident"] if status == 200 else answer

        assert ask("acknowledge", person="olga")["state"] == "acknowledged"
        assert ask("note", text="Seen")["seq"] > opened["incident"]["seq"]
        assert ask("triage", rule=PAY, answer="yes")["answers"] == {PAY: "yes"}
        assert ask("severity", level="P2", reason="less than feared")["level"] == "P2"
        assert ask("category", category="infrastructure")["categories"].keys() == {"infrastructure"}
        assert ask("take-command", person="sam")["commander"] == "sam"
        assert ask("offer-command", to="tara")["offered_to"] == "tara"
        assert ask("take-command", person="tara")["commander"] == "tara"
        assert ask("escalate", to="paul", reason="the network")["hand_escalations"] == 1
        assert ask("check", item="find-the-cause")["checked"] == ["find-the-cause"]
        assert tocsin.api("GET", "/incidents/INC-1")["drafts"]["initial"]["missing"] == ["Impact"]
        unsent = ask("message", 409, kind="initial")
        assert unsent["type"].startswith("urn:tocsin:problem:")
        assert "Impact" in unsent["detail"]
        assert len(ask("message", kind="initial", text="We are on it.")["messages"]) == 1
        assert ask("mitigate", summary="over")["state"] == "mitigated"
        refused = ask("close", 409)
        assert refused["status"] == 409
        assert ask("resolve", root_cause="a", fix="b", verification="c")["state"] == "resolved"
        assert ask("reopen", reason="again")["state"] == "open"
        assert ask("acknowledge", person="sam")["state"] == "acknowledged"
        assert ask("resolve", root_cause="a", fix="b")["state"] == "resolved"
        assert ask("postmortem", text="# All of it")["postmortem_text"] == "# All of it"
        assert ask("close")["state"] == "closed"
        assert ask("mitigate", 409)["detail"]
        room = tocsin.api("GET", "/incidents/INC-1")
        assert {"state": "closed"}.items() <= room["incident"].items()
        assert tocsin.run("verify").code == 0


@contextmanager
def following(tocsin: House, name: str) -> Iterator["Queue[Any]"]:
    """`tocsin timeline --follow --json` in a process of its own; what it prints comes into the queue."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "timeline", name, "--follow", "--json"],
        cwd=tocsin.folder,
        env=tocsin.environment(TOCSIN_URL=tocsin.url, TOCSIN_DATA=str(tocsin.data)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=die_with_parent,
    )
    lines: Queue[Any] = Queue()
    assert process.stdout is not None
    pipe = process.stdout
    thread = threading.Thread(target=lambda: [lines.put(json.loads(line)) for line in pipe], daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait(10)
        thread.join(5)
        pipe.close()


def awaited(lines: "Queue[Any]", text: str, within: float) -> list[Any]:
    """Every line up to the one with this text."""
    found: list[Any] = []
    ends = time.monotonic() + within
    while True:
        try:
            found.append(lines.get(timeout=max(0.01, ends - time.monotonic())))
        except Empty:
            raise AssertionError(f"{text!r} did not come within {within} s: {found}") from None
        if text in found[-1]["text"]:
            return found


def test_following_shows_what_happens_as_it_does(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        tocsin.alert("CheckoutDown")
        with following(tocsin, "INC-1") as lines:
            seen = awaited(lines, "Delivered to Olga", 15)
            for number in range(3):
                began = time.monotonic()
                tocsin.api("POST", "/incidents/INC-1/note", {"text": f"note {number}"})
                seen += awaited(lines, f"note {number}", 2)
                print(f"shown after {(time.monotonic() - began) * 1000:.0f} ms")
            tocsin.kill()
            tocsin.start()
            tocsin.api("POST", "/incidents/INC-1/note", {"text": "after the crash"})
            seen += awaited(lines, "after the crash", 15)
            numbers = [line["seq"] for line in seen]
            assert numbers == list(range(1, len(numbers) + 1)), "no line is lost or shown twice"
