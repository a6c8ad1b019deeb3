"""A house, and browsers without JavaScript: they follow redirects, keep cookies and send forms."""

from collections.abc import AsyncGenerator

import pytest_asyncio

from tests.http.house import ME, PASSWORD, Client, House, open_house
from tests.web.forms import Browser
from tocsin.incident.events import SYSTEM


@pytest_asyncio.fixture
async def rooms() -> AsyncGenerator[tuple[House, Client], None]:
    """A running house, and a client without credentials."""
    async with open_house() as both:
        yield both


@pytest_asyncio.fixture
async def house(rooms: tuple[House, Client]) -> House:
    return rooms[0]


@pytest_asyncio.fixture
async def stranger(rooms: tuple[House, Client]) -> Browser:
    """Nobody signed in."""
    return Browser(rooms[1])


@pytest_asyncio.fixture
async def browser(house: House, stranger: Browser) -> Browser:
    """An admin, who is somebody of the roster, signed in."""
    await house.engine.access.create_account("tomas", PASSWORD, "admin", ME, SYSTEM)
    await stranger.sign_in("tomas", PASSWORD)
    return stranger
