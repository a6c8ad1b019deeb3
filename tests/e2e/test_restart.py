"""Deadlines over a crash, a stop in good order, and how soon a server is ready again."""

import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.e2e import people
from tests.e2e.house import ROOT, House, house, until

EXAMPLE = (ROOT / "src/tocsin/examples/playbook.md").read_text(encoding="utf-8")
HASTY = EXAMPLE.replace("within 15 minutes", "within 9 seconds")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_kind(tocsin: House, kind: str) -> list[Any]:
    return [line for line in tocsin.lines("INC-1") if line["kind"] == kind]


def paged(tocsin: House) -> list[str]:
    """Whom the timeline says to be paged, in order."""
    return [line["text"].split(" (")[0].removeprefix("Paging ") for line in of_kind(tocsin, "Paged")]


def test_real_deadlines_over_a_real_crash(tmp_path: Path) -> None:
    """9 seconds to respond: after 3 the next role is paged. The server is dead around that time."""
    with house(tmp_path, playbook=HASTY, roster=people.roster()) as tocsin:
        tocsin.alert("CheckoutDown")
        opened = instant(tocsin.incident("INC-1")["opened_at"])
        until(lambda: len(tocsin.outbox()) == 2, 5)
        assert paged(tocsin) == ["Olga Test", "Tara Test"]
        tocsin.kill()
        time.sleep(4)
        tocsin.start()
        until(lambda: any(line["to"] == "sam" for line in tocsin.outbox()), 10, "sam is not paged")
        assert paged(tocsin) == ["Olga Test", "Tara Test", "Sam Test"]
        late = instant(of_kind(tocsin, "Paged")[2]["at"]) - opened
        print(f"the page of 3 s went out after {late.total_seconds():.1f} s, over an outage of 4 s")
        overdue = until(lambda: of_kind(tocsin, "ResponseOverdue"), 15, "nothing is overdue")
        after = (instant(overdue[0]["at"]) - opened).total_seconds()
        print(f"overdue after {after:.3f} s")
        assert 9 <= after < 12, "never early, and soon"
        tocsin.kill()
        tocsin.start()
        time.sleep(1)
        assert len(of_kind(tocsin, "ResponseOverdue")) == 1
        assert len([line for line in tocsin.outbox() if line["to"] == "sam"]) == 1
        assert tocsin.run("verify").code == 0


def test_what_came_due_in_a_long_outage_happens_once_and_says_how_late(tmp_path: Path) -> None:
    with house(tmp_path, playbook=EXAMPLE, roster=people.roster(), own_clock=True) as tocsin:
        tocsin.alert("CheckoutDown")
        until(lambda: len(tocsin.outbox()) == 2, 5)
        tocsin.kill()
        tocsin.be_ahead(timedelta(hours=2))
        tocsin.start()
        until(lambda: of_kind(tocsin, "ResponseOverdue"), 10)
        senior = [line["text"] for line in of_kind(tocsin, "Paged") if "Sam Test" in line["text"]]
        assert len(senior) == 1
        assert "(late by 1 h 5" in senior[0]
        assert "(late by 1 h 4" in of_kind(tocsin, "ResponseOverdue")[0]["text"]
        until(lambda: len([line for line in tocsin.outbox() if line["to"] == "sam"]) == 1, 10)
        again = [line for line in tocsin.outbox() if line["to"] == "olga"]
        assert len(again) <= 2, "an outage is followed by one repeat, not by all that it missed"
        count = len(tocsin.lines("INC-1"))
        time.sleep(6)
        assert len(tocsin.lines("INC-1")) - count <= 2, "it settles"
        assert len(of_kind(tocsin, "ResponseOverdue")) == 1


def test_a_stop_in_good_order_and_a_quick_start(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        tocsin.alert("CheckoutDown")
        until(lambda: len(tocsin.outbox()) == 2, 5)
        streams = [Stream(tocsin) for _ in range(3)]
        for stream in streams:
            until(lambda stream=stream: stream.seen, 10, "the stream is silent")
        code, took = tocsin.stop()
        for stream in streams:
            stream.join()
        print(f"stopped after {took:.2f} s with {len(streams)} open streams")
        assert code == 0
        assert took < 6
        assert "Traceback" not in tocsin.log
        ready = tocsin.start()
        print(f"ready again after {ready:.2f} s")
        assert ready < 5
        assert "Delivered" in tocsin.kinds("INC-1")
        assert len(tocsin.outbox()) == 2, "nothing goes out again after a stop in good order"


class Stream:
    """Follows a timeline in a thread, until the server ends the stream."""

    def __init__(self, tocsin: House) -> None:
        self.seen: list[Any] = []
        self._url = f"{tocsin.url}/api/v1/incidents/INC-1/timeline"
        self._headers = {"authorization": f"Bearer {tocsin.token}", "accept": "text/event-stream"}
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with httpx.stream("GET", self._url, headers=self._headers, timeout=30, trust_env=False) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    self.seen.append(json.loads(line.removeprefix("data:")))

    def join(self) -> None:
        """The server must have ended it."""
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_what_is_answered_while_it_stops_is_kept(tmp_path: Path) -> None:
    answered: set[int] = set()
    with house(tmp_path, roster=people.roster()) as tocsin:
        done = threading.Event()

        def send(first: int) -> None:
            number = first
            with httpx.Client(base_url=tocsin.url, timeout=10, trust_env=False) as client:
                while not done.is_set():
                    number += 1
                    body = {"title": "CheckoutDown", "labels": {"n": str(number)}}
                    try:
                        if client.post("/in/generic", json=body).status_code == 200:
                            answered.add(number)
                    except httpx.TransportError:
                        return

        threads = [threading.Thread(target=send, args=(10_000 * each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        code, took = tocsin.stop()
        done.set()
        for thread in threads:
            thread.join(20)
        print(f"{len(answered)} alerts were answered, the last ones while it stopped, in {took:.2f} s")
        assert code == 0
        assert answered
        tocsin.start()
        kept: set[int] = set()
        after = ""
        while True:
            page = tocsin.api("GET", f"/alerts?limit=1000&incident=INC-1&after={after}")
            kept |= {int(each["alert"]["labels"]["n"]) for each in page["alerts"]}
            after = page["after"]
            if not after:
                break
        assert answered <= kept
        assert tocsin.run("verify").code == 0
