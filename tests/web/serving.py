"""A house behind a real server on this machine, for a real browser."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.http.house import House, make_house

T = TypeVar("T")


class Served:
    """A running house and its address."""

    def __init__(self, house: House, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.house = house
        self.url = url
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the server's own loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


@contextmanager
def serve(
    make: Callable[..., House] = make_house, certificate: Path | None = None
) -> Generator[Served, None, None]:
    """Serve a house on a free port until the block is left; over TLS where there is a file of a key and its
    certificate."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http{'s' if certificate else ''}://127.0.0.1:{listener.getsockname()[1]}"
    started: list[Served] = []
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        house = make(public_url=url)
        await house.engine.start()
        config = uvicorn.Config(
            house.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            ssl_certfile=certificate,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        started.append(Served(house, url, asyncio.get_running_loop()))
        ready.set()
        await asyncio.to_thread(done.wait)
        house.engine.hub.close()
        server.should_exit = True
        await serving
        await house.engine.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(20), "the server did not start"
        yield started[0]
    finally:
        done.set()
        thread.join(20)


def certificate_file(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1 in one file, made at the first asking."""
    path = folder / "server.pem"
    if path.exists():
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path
