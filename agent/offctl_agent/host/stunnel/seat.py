"""Where a stunnel instance lives: one container, or the host itself; what can be seen and done."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from offctl_agent.host.stunnel.directory import Owner
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.sockets import Address


class Seat(Protocol):
    """One place with stunnel in it. Every method raises HostError; "cannot read" is never "absent".

    Implementations MUST NOT follow a path that a container controls from the host's side: what
    has to be made in a container is made from inside, and what is seen from outside is seen below
    the container's root, through no link and in no other mount.
    """

    @property
    def directory(self) -> str:
        """Where the place sees the instances' directories, without a slash at the end."""
        ...

    def owner(self) -> Owner:
        """Owner and group, as ids of the host, of files that its stunnel must read."""
        ...

    def addresses(self) -> tuple[Address, ...]:
        """The addresses that its interfaces really have."""
        ...

    def ports(self) -> frozenset[int]:
        """TCP ports on which anything listens."""
        ...

    def process(self, configuration: str) -> Process | None:
        """The stunnel started with a configuration, or None when there is none."""
        ...

    def missing(self, instance: str) -> tuple[str, ...]:
        """What has to be set up inside, in words; raises CONFLICT for what is in the way."""
        ...

    def arrange(self, instance: str) -> None:
        """Set up the link, the unit and its start at boot; harmless when they are there."""
        ...

    def start(self, instance: str) -> None: ...

    def reload(self, instance: str) -> None: ...

    def restart(self, instance: str) -> None:
        """Stop it, with every connection through it, and start it again."""
        ...

    def launch(self, instance: str, configuration: str) -> None:
        """Start stunnel on a configuration to try it; it must end by itself before long."""
        ...

    def halt(self, instance: str) -> None:
        """End what `launch` started."""
        ...

    def read(self, path: str) -> bytes:
        """A file of the place itself that holds no key."""
        ...

    def key_complaint(self, path: str) -> str:
        """What is wrong with form or permissions of a key file; its content goes nowhere."""
        ...

    def prove(self, addresses: Iterable[str], seconds: float) -> Mapping[str, str]:
        """Connect to each address from inside; gives what went wrong, "" for what stays up."""
        ...
