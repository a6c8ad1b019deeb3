"""A whole Tocsin behind a real server on loopback, with every source that is installed."""

import asyncio
import socket
import threading

import uvicorn

from tests.http.house import make_house
from tests.sources.installed import installed, made_by
from tocsin.faces.http.door import Door


class Running:
    """A house behind a real server, on a thread of its own."""

    def __init__(self, *, open_sources: bool = False) -> None:
        self._open_sources = open_sources
        self.port = 0
        self.token = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        house = make_house(open_sources=self._open_sources)
        self.door: Door = house.app.dependencies["door"].dependency()  # type: ignore[union-attr]
        for name in installed():
            for source in made_by(name):
                house.app.state.face.sources[source.kind] = source
        await house.engine.start()
        await house.alert()
        self.token = await house.token("admin")
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(house.app, log_config=None, access_log=False, lifespan="off")
        self.server = uvicorn.Server(config)
        self._ready.set()
        await self.server.serve([listening])
        await house.engine.stop()

    @property
    def url(self) -> str:
        """Where it can be asked."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self.server.should_exit = True
        self._thread.join()
