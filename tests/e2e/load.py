"""Clients that send alerts, notes and acknowledgements without pause, and remember what was answered."""

import random
import threading
import time
from contextlib import suppress

import httpx

from tests.e2e.house import House

ALERTS_PER_INCIDENT = 20


class Load:
    """Threads that keep a house busy until the block is left; a server that is away is waited for."""

    def __init__(self, house: House, senders: int, seed: int) -> None:
        self._house = house
        self._seed = seed
        self._done = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._send_alerts, args=(number,)) for number in range(senders)),
            threading.Thread(target=self._work_on_incidents),
        ]
        self.alerts: set[str] = set()
        """The label `n` of every alert that was answered with 200."""
        self.notes: dict[str, str] = {}
        """The text of every note that was answered with 200, and its incident."""
        self.acknowledged: set[str] = set()
        self.incidents: set[str] = set()
        self.unanswered = 0
        self.odd: list[str] = []
        """Answers that nobody should get."""

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(40)

    def _post(self, client: httpx.Client, path: str, body: dict[str, object]) -> httpx.Response | None:
        try:
            answer = client.post(path, json=body)
        except httpx.TransportError:
            self.unanswered += 1
            time.sleep(0.02)
            return None
        if answer.status_code not in (200, 429, 503):
            self.odd.append(f"{path} {answer.status_code} {answer.text[:300]}")
        return answer if answer.status_code == 200 else None

    def _send_alerts(self, sender: int) -> None:
        number = 0
        with httpx.Client(base_url=self._house.url, timeout=20, trust_env=False) as client:
            while not self._done.is_set():
                number += 1
                name = f"{sender}-{number}"
                labels = {"service": f"shop-{sender}-{number // ALERTS_PER_INCIDENT}", "n": name}
                answer = self._post(client, "/in/generic", {"title": "CheckoutDown", "labels": labels})
                if answer is not None:
                    self.alerts.add(name)
                    self.incidents.update(answer.json()["incidents"])

    def _work_on_incidents(self) -> None:
        chance = random.Random(self._seed)
        number = 0
        with httpx.Client(base_url=self._house.url, timeout=20, trust_env=False) as client:
            while not self._done.is_set():
                known = sorted(self.incidents.copy())
                if not known:
                    time.sleep(0.01)
                    continue
                with suppress(OSError):
                    client.headers["authorization"] = f"Bearer {self._house.token}"
                name = chance.choice(known)
                number += 1
                text = f"note number {number}."
                if self._post(client, f"/api/v1/incidents/{name}/note", {"text": text}):
                    self.notes[text] = name
                path = f"/api/v1/incidents/{name}/acknowledge"
                if number % 5 == 0 and self._post(client, path, {"person": "olga"}):
                    self.acknowledged.add(name)
