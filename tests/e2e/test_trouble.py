"""What a server does when the world around it fails: mail, database, disk, senders."""

import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import people
from tests.e2e.browser import first_admin
from tests.e2e.house import House, empty_house, free_port, house, until
from tocsin.base import limits
from tocsin.testing.smtp import SmtpSink


class LateSink(SmtpSink):
    """A mail server that begins, one day, on a port that was known before."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._controller.port = port


def test_the_mail_server_is_down_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with house(tmp_path, roster=people.roster("email"), settings=people.mail(port)) as tocsin:
        assert tocsin.alert("CheckoutDown") == "INC-1"
        told = "Could not deliver to Olga Test by email: 127.0.0.1"
        failed = until(lambda: [text for text in tocsin.texts("INC-1") if text.startswith(told)], 15)
        print(failed[0])
        assert "It will be tried again." in failed[0]
        health = tocsin.api("GET", "/health")
        assert health["ready"] is True
        assert "cannot be delivered" in health["troubles"][0]["what"]
        assert "smtp" in health["troubles"][0]["what"]
        with first_admin(tocsin) as browser:
            for page in ("/", "/incidents/INC-1"):
                assert health["troubles"][0]["what"] in browser.read(page)
            with LateSink(port) as mails:
                until(lambda: {mail["To"] for mail in mails.messages} >= {"olga@example.org"}, 30, "no mail")
                until(lambda: not tocsin.api("GET", "/health")["troubles"], 30, "the trouble does not end")
                assert "cannot be delivered" not in browser.read("/")
                time.sleep(1)
                to = [mail["To"] for mail in mails.messages]
                assert sorted(to) == ["olga@example.org", "tara@example.org"], "each once"
        delivered = [line for line in tocsin.lines("INC-1") if line["kind"] == "Delivered"]
        assert len(delivered) == 2


class SlowSink(SmtpSink):
    """A mail server that takes its time over each mail, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.busy, self.go_on = threading.Event(), threading.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.busy.set()
        await asyncio.to_thread(self.go_on.wait, 15)
        return await super().handle_DATA(server, session, envelope)


def test_a_page_that_went_out_is_not_sent_again_when_that_could_not_be_recorded(tmp_path: Path) -> None:
    with (
        SlowSink() as mails,
        house(
            tmp_path, roster=people.roster("email"), settings=people.mail(mails.port), own_clock=True
        ) as tocsin,
    ):
        tocsin.alert("RecommendationsMissing")
        assert mails.busy.wait(10)
        with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            mails.go_on.set()
            until(lambda: "the outbox cannot be read or written" in tocsin.log, 15)
            other.execute("ROLLBACK")
        until(lambda: "Delivered" in tocsin.kinds("INC-1"), 15, "it was never recorded")
        tocsin.be_ahead(limits.outbox_lease * 2)
        time.sleep(6)
        assert [mail["To"] for mail in mails.messages] == ["olga@example.org"]
        assert tocsin.kinds("INC-1").count("Delivered") == 1


def test_when_every_method_fails_the_fallback_is_used(tmp_path: Path) -> None:
    settings = people.mail(free_port())
    with house(tmp_path, roster=people.roster("email"), settings=settings, own_clock=True) as tocsin:
        tocsin.alert("SearchSlow")
        ahead = timedelta(0)
        while not any(line["to"] == "everyone" for line in tocsin.outbox()):
            assert ahead < timedelta(minutes=10), "the fallback is not used"
            ahead += timedelta(seconds=10)
            tocsin.be_ahead(ahead)
            time.sleep(0.5)
        print(f"the fallback is used after {ahead} at most")
        told = next(line for line in tocsin.outbox() if line["to"] == "everyone")
        assert "nobody could be reached for On-Call Engineer" in told["subject"]
        assert any("every contact method of Olga Test fails" in text for text in tocsin.texts("INC-1"))
        until(lambda: tocsin.api("GET", "/alerts")["alerts"][0]["alert"]["source"] == "tocsin", 20)
        incidents = tocsin.api("GET", "/incidents")["incidents"]
        assert [each["id"] for each in incidents] == ["INC-2", "INC-1"]
        assert tocsin.run("verify").code == 0


def test_another_process_holds_the_database(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        tocsin.alert("CheckoutDown")
        until(lambda: len(tocsin.outbox()) == 2, 10)
        with closing(sqlite3.connect(tocsin.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            with ThreadPoolExecutor(8) as clients:
                answers = list(clients.map(lambda n: _alert(tocsin.url, n), range(8)))
            took = time.monotonic() - began
            print(f"8 senders were refused after {took:.1f} s")
            for answer in answers:
                _is_unavailable(answer, "locked")
            assert took < 20, "nobody waits for the ones before"
            began = time.monotonic()
            refused = tocsin.ask(
                "POST",
                "/api/v1/incidents/INC-1/note",
                json={"text": "x"},
                headers={"authorization": f"Bearer {tocsin.token}"},
            )
            print(f"a person after {time.monotonic() - began:.1f} s")
            _is_unavailable(refused, "locked")
            assert tocsin.incident("INC-1")["state"] == "open", "reading goes on"
            troubles = tocsin.api("GET", "/health")["troubles"]
            assert any("locked" in trouble["what"] for trouble in troubles), troubles
            other.execute("ROLLBACK")
        again = until(lambda: _good(_alert(tocsin.url, 9)), 10, "it does not recover")
        assert again.json()["kept"] == 1
        assert not any("locked" in trouble["what"] for trouble in tocsin.api("GET", "/health")["troubles"])
        kept = {each["alert"]["labels"].get("n") for each in tocsin.api("GET", "/alerts")["alerts"]}
        assert kept == {None, "9"}, "what was refused was not kept either"
        assert tocsin.run("verify").code == 0


def _alert(url: str, number: int) -> httpx.Response:
    body = {"title": "CheckoutDown", "labels": {"n": str(number), "service": f"s{number % 5}"}}
    return httpx.post(f"{url}/in/generic", json=body, timeout=60, trust_env=False)


def _good(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == 200 else None


def _is_unavailable(answer: httpx.Response, why: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    problem = answer.json()
    assert problem["status"] == 503
    assert problem["type"] == "urn:tocsin:problem:store-unavailable"
    assert why in problem["detail"]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of four megabytes; the test is skipped where this user may not make one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tocsin-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this user may not mount a small disk; the other way of running out is tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True, timeout=20)


def test_the_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data") as data, house(tmp_path, roster=people.roster()) as tocsin:

        def fill() -> None:
            with (data / "ballast").open("wb", buffering=0) as ballast:
                _write_until_full(ballast)

        _runs_out(tocsin, fill, lambda: (data / "ballast").unlink(), "full")


def _write_until_full(file: Any) -> None:
    for size in (65536, 4096, 1):
        while True:
            try:
                file.write(b"x" * size)
            except OSError:
                break


def test_files_may_not_grow(tmp_path: Path) -> None:
    with house(tmp_path, roster=people.roster()) as tocsin:
        assert tocsin.process is not None
        process, most = tocsin.process.pid, resource.RLIM_INFINITY

        def limit(size: int) -> None:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, most))

        _runs_out(tocsin, lambda: limit(1), lambda: limit(most), "disk")


def _runs_out(tocsin: House, fill: Any, make_room: Any, why: str) -> None:
    """Alerts until the disk is full, while it is, and after it: whatever was answered with 200 is there."""
    kept = {number for number in range(20) if _good(_alert(tocsin.url, number))}
    assert len(kept) == 20
    until(lambda: len(tocsin.outbox()) >= 2, 10)
    fill()
    refused: list[httpx.Response] = []
    number = 20
    while len(refused) < 5:
        number += 1
        assert number < 2000, "the disk is never full"
        answer = _alert(tocsin.url, number)
        if answer.status_code == 200:
            kept.add(number)
        else:
            refused.append(answer)
    for answer in refused:
        _is_unavailable(answer, why)
    print(refused[0].json()["detail"])
    troubles = tocsin.api("GET", "/health")["troubles"]
    assert any(why in trouble["what"] for trouble in troubles), troubles
    assert tocsin.incident("INC-1")["state"] == "open", "reading goes on"
    make_room()
    until(lambda: _good(_alert(tocsin.url, 5000)), 20, "it does not recover")
    kept.add(5000)
    alerts = tocsin.api("GET", "/alerts?limit=1000")["alerts"]
    assert kept <= {int(each["alert"]["labels"]["n"]) for each in alerts}
    until(lambda: not tocsin.api("GET", "/health")["troubles"], 30, "the trouble does not end")
    assert tocsin.run("verify").code == 0
    assert tocsin.stop()[0] == 0
    assert "Traceback" not in tocsin.log, tocsin.log
    tocsin.start()
    assert tocsin.run("verify").code == 0


def test_the_log_cannot_be_written(tmp_path: Path) -> None:
    """Where the log goes to the disk that is full, alerts are still taken in and clocks still run."""
    settings = people.mail(free_port())
    roster = people.roster("outbox", also="email")
    with open("/dev/full", "wb") as full, empty_house(tmp_path, roster=roster, settings=settings) as tocsin:
        tocsin.start(stderr=full)
        assert tocsin.alert("CheckoutDown") == "INC-1"
        until(lambda: len(tocsin.outbox()) == 2, 10, "no page")
        until(lambda: "DeliveryFailed" in tocsin.kinds("INC-1"), 10)
        assert tocsin.ask("GET", "/readyz").json() == {"ready": True}
        assert tocsin.stop()[0] == 0


@pytest.fixture
def tocsin(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, roster=people.roster(), settings="allow_unauthenticated_sources = false\n") as made:
        yield made


def test_requests_that_will_not_do(tocsin: House) -> None:
    token = {"authorization": f"Bearer {tocsin.token}"}
    typed = {"content-type": "application/json", **token}
    alert = json.dumps({"title": "CheckoutDown"}).encode()
    large = b'{"title": "' + b"x" * limits.request_body_bytes_max + b'"}'
    assert len(large) > limits.request_body_bytes_max
    generic, manager = "/in/generic", "/in/alertmanager"
    for path, headers, body, status in (
        (generic, {"content-type": "application/json"}, alert, 401),
        (generic, {**typed, "authorization": "Bearer wrong"}, alert, 401),
        (generic, {**typed, "content-type": "text/plain"}, alert, 415),
        (generic, token, alert, 415),
        (generic, typed, b"", 400),
        (generic, typed, b"{", 400),
        (generic, typed, b'"text"', 422),
        (generic, typed, b'{"title": 7}', 422),
        (generic, typed, b'{"titel": "x"}', 422),
        (generic, typed, large, 413),
        (generic, typed, iter([large[:4_000_000], large[4_000_000:]]), 413),
        (manager, typed, b'{"version": "4"}', 422),
        (manager, typed, b'{"version": "4", "alerts": [{"status": "firing"}]}', 422),
        ("/in/nonsense", typed, alert, 404),
        ("/api/v1/incidents", {}, b"{}", 401),
    ):
        answer = tocsin.ask("POST", path, headers=headers, content=body)
        assert answer.status_code == status, (path, headers, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["detail"]
    assert tocsin.api("GET", "/alerts")["alerts"] == []


def test_of_a_batch_the_good_is_kept(tocsin: House) -> None:
    batch = [{"title": "CheckoutDown"}, {"title": ""}, 7, {"title": "SearchSlow", "status": "odd"}]
    headers = {"authorization": f"Bearer {tocsin.token}"}
    answer = tocsin.ask("POST", "/in/generic", json=batch, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["kept"] == 1
    assert len(answer.json()["problems"]) >= 3
    assert all(problem["message"] and problem["mend"] for problem in answer.json()["problems"])
    names = [each["alert"]["labels"]["alertname"] for each in tocsin.api("GET", "/alerts")["alerts"]]
    assert names == ["CheckoutDown"]


def test_a_sender_that_trickles_holds_nobody_up(tocsin: House) -> None:
    """A request that never ends takes a connection, and nothing else."""
    stop = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield b'{"title": "x'
        stop.wait(30)

    def send() -> None:
        headers = {"authorization": f"Bearer {tocsin.token}", "content-type": "application/json"}
        httpx.post(
            f"{tocsin.url}/in/generic", content=trickle(), headers=headers, timeout=40, trust_env=False
        )

    threads = [threading.Thread(target=send, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    headers = {"authorization": f"Bearer {tocsin.token}"}
    answer = tocsin.ask("POST", "/in/generic", json={"title": "CheckoutDown"}, headers=headers)
    assert answer.status_code == 200
    assert time.monotonic() - began < 5
    stop.set()
    for thread in threads:
        thread.join(20)


def test_a_second_server_on_the_same_file_is_refused(tmp_path: Path) -> None:
    with house(tmp_path) as tocsin:
        tocsin.alert("CheckoutDown")
        second = subprocess.run(
            [sys.executable, "-m", "tocsin", "serve", "--port", str(free_port()), "--data", str(tocsin.data)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )
        assert second.returncode != 0
        assert "Another Tocsin serves the database in this directory." in second.stderr
        tocsin.kill()
        tocsin.start()
        assert tocsin.incident("INC-1")["state"] == "open"
