"""Real servers on this machine, which behave as a test wants: HTTP, TLS and DNS."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


class Pems(NamedTuple):
    """The files of a certificate, its key, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


def make_certificate(
    folder: Path, names: list[str], *, lasts: timedelta, since: timedelta = timedelta(days=30)
) -> Pems:
    """A certificate of these names, by an authority of its own, which ends after `lasts` from now."""
    now = datetime.now(UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    others: list[x509.GeneralName] = []
    for name in names:
        try:
            others.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            others.append(x509.DNSName(name))
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - since)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pems = Pems(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    pems.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pems.authority.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    pems.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pems


class Asked(NamedTuple):
    """A request as it came."""

    line: str
    headers: dict[str, str]


@asynccontextmanager
async def http_server(
    answer: Callable[[str], bytes | None], pems: Pems | None = None
) -> AsyncGenerator[tuple[int, list[Asked]], None]:
    """Serve raw answers by path; None keeps the client waiting. Gives the port, and what was asked."""
    asked: list[Asked] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *rest = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
            }
            asked.append(Asked(line, headers))
            content = answer(line.split()[1])
            if content is None:
                await asyncio.sleep(30)
            writer.write(content or b"")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    context = None
    if pems is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pems.certificate, pems.key)
    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


def reply(status: int, body: str = "", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body.encode())}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class _Zone(asyncio.DatagramProtocol):
    def __init__(self, records: dict[tuple[str, str], list[str]], silent: set[str], broken: set[str]) -> None:
        self.records, self.silent, self.broken = records, silent, broken
        self.asked: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        found = self.records.get((name, kind))
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def dns_server(
    records: dict[tuple[str, str], list[str]],
    *,
    silent: set[str] = frozenset(),
    broken: set[str] = frozenset(),  # type: ignore[assignment]
) -> AsyncGenerator[tuple[int, list[tuple[str, str]]], None]:
    """Serve records by (name, type) over UDP; a silent name is not answered. Gives the port, and what was
    asked."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Zone(records, silent, broken), local_addr=(HOST, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], protocol.asked
    finally:
        transport.close()
