"""A light sender of alerts, run as a process of its own: requests made beforehand, raw connections.

`python -m tests.bench.load PORT PER_REQUEST CONNECTIONS KIND SECONDS TAG [RATE]` posts to `/api/v2/alerts`
and prints a line of JSON. KIND is `distinct`, `repeating` over 10,000 alerts, or `storm:COUNT` for so many
alerts in 1,000 groups. With RATE it sends so many requests a second, else as many as are answered.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import uvloop

PATH = "/api/v2/alerts"
REPEATING = 10_000
NAMES = 10
STORM_GROUPS = 1_000
AHEAD = 100_000
"""The requests of so many distinct alerts are made before the clock starts; further ones while it runs."""


class Result(msgspec.Struct):
    """What came of it. Times are milliseconds; `seconds` how long it took."""

    alerts: int
    seconds: float
    failed: int
    p50: float
    p99: float


def alert(number: int, tag: str, group: str = "") -> dict[str, object]:
    """An alert as Prometheus sends it."""
    return {
        "labels": {
            "alertname": group or f"InstanceDown{number % NAMES}",
            "instance": f"{tag}-{number}:9100",
            "job": "node",
            "service": "shop",
            "severity": "warning",
        },
        "annotations": {"summary": "An instance is down", "description": "It does not answer any more."},
        "startsAt": "2026-03-02T09:00:00Z",
        "endsAt": "2126-03-02T09:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=up",
    }


def request(alerts: list[dict[str, object]]) -> bytes:
    """The bytes of a request."""
    body = msgspec.json.encode(alerts)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def requests(kind: str, each: int, tag: str) -> Iterator[bytes]:
    """Without end."""
    if kind == "repeating":
        made = [
            request([alert(number, tag) for number in range(start, start + each)])
            for start in range(0, REPEATING, each)
        ]
        yield from itertools.cycle(made)
        return
    if kind.startswith("storm:"):
        for start in range(0, int(kind.removeprefix("storm:")), each):
            storm = range(start, start + each)
            yield request([alert(number, tag, f"Storm{number % STORM_GROUPS}") for number in storm])
        return
    numbers = itertools.count()
    ahead = [request([alert(next(numbers), tag) for _ in range(each)]) for _ in range(AHEAD // each)]
    yield from ahead
    while True:
        yield request([alert(next(numbers), tag) for _ in range(each)])


class Line(asyncio.Protocol):
    """One connection, which sends the next request when the one before is answered, or at its time."""

    def __init__(self, source: Iterator[bytes], took: list[float], failed: list[int], until: float) -> None:
        self.source, self.took, self.failed, self.until = source, took, failed, until
        self.done = asyncio.get_running_loop().create_future()
        self.read = b""
        self.every = 0.0
        self.at = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def go(self, every: float = 0.0) -> None:
        self.every, self.at = every, time.perf_counter()
        self.send()

    def send(self) -> None:
        now = time.perf_counter()
        following = next(self.source, None) if now < self.until else None
        if following is None:
            self.transport.close()
            return
        # At a given rate the time counts from when the request should have left.
        self.began = self.at if self.every else now
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, found, body = self.read.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        now = time.perf_counter()
        self.took.append(now - self.began)
        if not self.read.startswith(b"HTTP/1.1 200"):
            self.failed.append(1)
        self.read = b""
        if self.every:
            self.at += self.every
            asyncio.get_running_loop().call_later(max(0.0, self.at - now), self.send)
        else:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(
    port: int, each: int, connections: int, kind: str, seconds: float, tag: str, rate: float
) -> Result:
    source = requests(kind, each, tag)
    first = next(source)
    source = itertools.chain([first], source)
    took: list[float] = []
    failed: list[int] = []
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    lines: list[Line] = []
    for _ in range(connections):
        _, line = await loop.create_connection(
            lambda: Line(source, took, failed, began + seconds), "127.0.0.1", port
        )
        lines.append(line)
    for number, line in enumerate(lines):
        if rate:
            loop.call_later(number / rate, line.go, connections / rate)
        else:
            line.go()
    await asyncio.gather(*(line.done for line in lines))
    took.sort()
    return Result(
        alerts=len(took) * each,
        seconds=time.perf_counter() - began,
        failed=len(failed),
        p50=took[len(took) // 2] * 1000,
        p99=took[int(len(took) * 0.99)] * 1000,
    )


if __name__ == "__main__":
    port, each, connections, kind, seconds, tag, *rest = sys.argv[1:]
    wanted = run(
        int(port), int(each), int(connections), kind, float(seconds), tag, float(rest[0]) if rest else 0.0
    )
    print(msgspec.json.encode(uvloop.run(wanted)).decode())
