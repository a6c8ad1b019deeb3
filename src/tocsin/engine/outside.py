"""What parts of the engine ask of the world outside."""

from collections.abc import Sequence
from typing import Protocol

from tocsin.alerts.probes import Probe


class Prober(Protocol):
    """Looks at things outside, for probes."""

    async def look(self, probe: Probe) -> str:
        """Look once. "" where all is as the probe wants it, else what is wrong in a few plain words, without
        a secret. Whoever asks sets the time limit."""
        ...


class World(Protocol):
    """What a check of a playbook asks of the machine and the network. Nothing is ever written, started or
    sent; each answer is "" where all is well, else what is wrong in a few words."""

    def references(self) -> Sequence[tuple[str, str]]:
        """The references to secrets in the settings, each with the setting that it stands in."""
        ...

    async def program(self, name: str) -> str:
        """Whether a program is on the PATH."""
        ...

    async def services(self, file: str) -> frozenset[str] | None:
        """The services that a compose file defines; "" asks for the file of the usual name. None where
        others may be defined elsewhere, or there is no file of the usual name.

        Raises:
            OSError: a named file cannot be read.
            ValueError: it is no compose file.
        """
        ...

    async def reach(self, host: str, port: int) -> str:
        """Whether a host has an address and takes connections at a port."""
        ...

    async def contact(self, kind: str, address: str) -> str:
        """Whether a contact method can be used: channel set up, address fit, server answering."""
        ...

    async def secret(self, reference: str, field: str) -> str:
        """Whether a reference leads to a secret. The answer never holds a part of it."""
        ...

    async def variable(self, name: str) -> str:
        """Whether a name of the environment has a value."""
        ...
