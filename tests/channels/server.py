"""A real HTTP server on this machine, whose answers the test writes."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpSink:
    """Answers each request with `status` and `headers`, or hangs up, or stays silent."""

    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    mood: str = "answers"
    answer: bytes = b""
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> "HttpSink":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/secret-path?token=secret-query"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append(Request(head[0], headers, body))
            if self.mood == "silent":
                await reader.read()
            if self.mood == "answers":
                more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                writer.write(
                    f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.answer)}\r\n"
                    f"{more}Connection: close\r\n\r\n".encode()
                    + self.answer
                )
                await writer.drain()
        finally:
            writer.close()
