"""A house and a client for every test of the API."""

from collections.abc import AsyncGenerator

import pytest_asyncio

from tests.http.house import Client, House, open_house


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A running house, and a client without credentials."""
    async with open_house() as both:
        yield both


@pytest_asyncio.fixture
async def house(rooms: tuple[House, Client]) -> House:
    return rooms[0]


@pytest_asyncio.fixture
async def client(rooms: tuple[House, Client]) -> Client:
    return rooms[1]
