"""A house behind a real server on this machine, for a real browser."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn

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
def serve(make: Callable[..., House] = make_house) -> Generator[Served, None, None]:
    """Serve a house on a free port until the block is left."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started: list[Served] = []
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        house = make(public_url=url)
        await house.engine.start()
        config = uvicorn.Config(
            house.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
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
