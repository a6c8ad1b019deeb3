"""The HTTP server: its socket, its loop, and what it prints once it is ready."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from litestar import Litestar

from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.settings import Settings
from tocsin.engine.engine import Engine

STOP_WITHIN_SECONDS = 5
FIRST_ALERT = '{"title": "CheckoutDown", "description": "No order came in for 5 minutes"}'


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop that the server runs on."""
    import uvloop

    return uvloop.new_event_loop()


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on, taken before anything else is begun.

    Raises:
        ProblemsError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        problem = Problem(
            code="cannot-listen",
            field="port",
            message=f"Tocsin cannot listen on {settings.host}:{settings.port}: {reason}.",
            mend="Stop what uses it, or choose another with --port.",
        )
        raise ProblemsError([problem]) from error
    return listening


class Server(uvicorn.Server):
    """A server that says where it is once it is ready, and lets open streams go when it has to stop."""

    def __init__(self, app: Litestar, engine: Engine, settings: Settings, setup_link: str | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=STOP_WITHIN_SECONDS,
            )
        )
        self._engine = engine
        self._settings = settings
        self._setup_link = setup_link

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then print the way in."""
        await super().startup(sockets)
        if self.started:
            with suppress(OSError):
                print(welcome(self._settings, self._setup_link), flush=True)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Heed the signals while serving. The base class raises them once more afterwards, which would end
        the process before the engine has stopped in good order, and tell a stop that was asked for as a
        failure."""
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop; a second Ctrl-C stops at once."""
        self._engine.hub.close()
        if sig == signal.SIGINT and self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def welcome(settings: Settings, setup_link: str | None) -> str:
    """What is printed once the server is ready: its address, the set-up link, and a first alert."""
    url = settings.public_url
    lines = [f"Tocsin runs at {url}", ""]
    if setup_link:
        lines += ["Make yourself the first admin (this link works once):", f"  {setup_link}", ""]
    lines += [
        "Send a first alert:",
        f"  curl -X POST {url}/in/generic -H 'content-type: application/json' \\",
        f"    -d '{FIRST_ALERT}'",
        "",
        f"Pages to people with an outbox are written to {settings.outbox_file}. Stop with Ctrl-C.",
    ]
    return "\n".join(lines)
