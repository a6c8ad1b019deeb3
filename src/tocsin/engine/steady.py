"""Finishing what was begun: a piece of work is not torn apart by a stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; when cancelled meanwhile, let it come to its end first and then give way.

    So a graceful stop never leaves a message sent and not recorded, or a request kept and not answered.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
