"""The prober against real servers: what it finds, in plain words, and that it gives no secret away."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.watching.servers import HOST, dns_server, http_server, make_certificate, reply
from tocsin.adapters.clock import SystemClock
from tocsin.adapters.probes import NetProber
from tocsin.alerts.probes import Check, DnsCheck, HttpCheck, Probe, TcpCheck, TlsCheck

DAY = timedelta(days=1)


async def look(check: Check, timeout: float = 5) -> str:
    probe = Probe(name="x", check=check, target="x", timeout=timedelta(seconds=timeout))
    return await asyncio.wait_for(NetProber(SystemClock()).look(probe), 20)


def closed_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def answer(path: str) -> bytes | None:
    match path:
        case "/health":
            return reply(200, '{"status": "pass", "took": 12}')
        case "/ill":
            return reply(503, "ill")
        case "/moved":
            return reply(302, Location="/health")
        case "/round":
            return reply(302, Location="/round")
        case "/slow":
            return None
        case "/short":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nbroken off"
        case "/nonsense":
            return b"220 mail.example.org ESMTP\r\n"
        case "/odd":
            return reply(200, "héllo", **{"Content-Type": "text/plain; charset=no-such"})
        case "/large":
            return reply(200, "x" * 1_000_000 + "needle")
        case _:
            return reply(404)


async def test_http() -> None:
    async with http_server(answer) as (port, _):
        good = HttpCheck(url=f"http://{HOST}:{port}/health")

        async def at(path: str, **fields: object) -> str:
            return await look(replace(good, url=f"http://{HOST}:{port}{path}", **fields))

        assert await at("/health") == ""
        assert await at("/health", body_has='"pass"', body_matches=r'"took": \d+') == ""
        assert await at("/ill") == "it answered 503 instead of 200"
        assert await at("/ill", statuses=(200, 503)) == ""
        assert await at("/nowhere", statuses=(200, 204)) == "it answered 404 instead of 200 or 204"
        assert await at("/health", body_has="sunshine") == "the answer does not hold 'sunshine'"
        assert await at("/health", body_matches="^fail") == "the answer does not match '^fail'"
        assert await at("/moved") == (f"it answered 302, a redirect to http://{HOST}/health instead of 200")
        assert await at("/moved", follow_redirects=True) == ""
        assert (await at("/round", follow_redirects=True)).startswith("it answered 302")
        assert await at("/short") == "the connection broke off before the answer was whole"
        assert await at("/nonsense") == "the connection broke off before the answer was whole"
        assert await at("/odd", body_has="llo") == ""
        assert await at("/large", body_has="needle") == "the answer does not hold 'needle'"
        assert await at("/health", slowest=timedelta(microseconds=1)) != ""


async def test_http_that_does_not_answer() -> None:
    async with http_server(answer) as (port, _):
        check = HttpCheck(url=f"http://{HOST}:{port}/slow")
        assert await look(check, timeout=0.3) == "no answer within 0.3 s"
    gone = HttpCheck(url=f"http://{HOST}:{closed_port()}/health")
    assert await look(gone) == "the connection was refused"
    assert await look(HttpCheck(url="http://no-such-name.invalid/")) == "its name leads nowhere"


async def test_headers_go_to_the_host_of_the_settings_alone() -> None:
    async with http_server(answer) as (elsewhere, asked_there):
        moved = reply(302, Location=f"http://{HOST}:{elsewhere}/health")
        async with http_server(lambda path: moved) as (port, asked):
            check = HttpCheck(
                url=f"http://{HOST}:{port}/x",
                method="POST",
                headers={"X-Api-Key": "not-for-others"},
                follow_redirects=True,
            )
            assert await look(check) == ""
    assert asked[0].line.startswith("POST /x")
    assert asked[0].headers["x-api-key"] == "not-for-others"
    assert "x-api-key" not in asked_there[0].headers
    assert asked_there[0].headers["user-agent"] == "Tocsin probe"


async def test_https_is_verified(tmp_path: Path) -> None:
    pems = make_certificate(tmp_path, [HOST], lasts=90 * DAY)
    async with http_server(answer, pems) as (port, _):
        check = HttpCheck(url=f"https://{HOST}:{port}/health")
        assert await look(check) == "its certificate does not verify: its authority is not trusted"
        assert await look(replace(check, ca_file=str(pems.authority))) == ""


async def test_tcp() -> None:
    with socket.create_server((HOST, 0)) as listening:
        assert await look(TcpCheck(host=HOST, port=listening.getsockname()[1])) == ""
    assert await look(TcpCheck(host=HOST, port=closed_port())) == "the connection was refused"
    assert await look(TcpCheck(host="no-such-name.invalid", port=1)) == "its name leads nowhere"


async def test_a_certificate_that_expires_in_three_days(tmp_path: Path) -> None:
    pems = make_certificate(tmp_path, ["shop.example", HOST], lasts=3 * DAY)
    async with http_server(answer, pems) as (port, _):
        check = TlsCheck(host=HOST, port=port, name="shop.example", days=14, ca_file=str(pems.authority))
        found = await look(check)
        assert found.startswith("the certificate expires in 2 d 23 h, at "), found
        assert await look(replace(check, days=2)) == ""
        assert await look(replace(check, days=2, name=HOST)) == ""


@pytest.mark.parametrize(
    ("lasts", "since", "name", "trusted", "said"),
    [
        (-DAY, 30 * DAY, "shop.example", True, "it has expired"),
        (90 * DAY, -DAY, "shop.example", True, "it is not valid yet"),
        (90 * DAY, DAY, "other.example", True, "it is of another name"),
        (90 * DAY, DAY, HOST, True, "it is of another address"),
        (90 * DAY, DAY, "shop.example", False, "its authority is not trusted"),
    ],
)
async def test_certificates_that_do_not_verify(
    tmp_path: Path, lasts: timedelta, since: timedelta, name: str, trusted: bool, said: str
) -> None:
    pems = make_certificate(tmp_path, ["shop.example"], lasts=lasts, since=since)
    async with http_server(answer, pems) as (port, _):
        authority = str(pems.authority) if trusted else ""
        found = await look(TlsCheck(host=HOST, port=port, name=name, ca_file=authority))
        assert found == f"the certificate does not verify: {said}"


async def test_what_is_no_tls() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert (await look(TlsCheck(host=HOST, port=port, name=HOST))).startswith("no TLS could be agreed on")
    assert await look(TlsCheck(host=HOST, port=closed_port(), name=HOST)) == "the connection was refused"
    missing = TlsCheck(host=HOST, port=1, name=HOST, ca_file="/nowhere/ca.pem")
    assert await look(missing) == "the file of authorities cannot be read: No such file or directory"


RECORDS = {
    ("shop.example", "A"): ["192.0.2.10", "192.0.2.11"],
    ("shop.example", "MX"): ["10 mail.shop.example."],
    ("shop.example", "TXT"): ['"v=spf1 -all"'],
}


async def test_dns() -> None:
    async with dns_server(RECORDS, silent={"silent.example"}, broken={"broken.example"}) as (port, _):

        async def at(name: str, record: str = "A", *expected: str, timeout: float = 5) -> str:
            check = DnsCheck(name=name, record=record, expected=expected, server=HOST, port=port)
            return await look(check, timeout)

        assert await at("shop.example") == ""
        assert await at("shop.example", "A", "192.0.2.11") == ""
        assert await at("shop.example", "MX", "10 mail.shop.example") == ""
        assert await at("shop.example", "TXT", "v=spf1 -all") == ""
        assert await at("shop.example", "A", "192.0.2.99") == (
            "192.0.2.99 is not among the records; there are: 192.0.2.10, 192.0.2.11"
        )
        assert await at("shop.example", "AAAA") == "the name has no record of the type AAAA"
        assert await at("nowhere.example") == "there is no such name"
        assert await at("silent.example", timeout=0.3) == "no name server answered within 0.3 s"
        assert await at("broken.example") == "the name servers refuse or fail"
        assert await at("a" * 70 + ".example") == "the name or the answer cannot be read"
