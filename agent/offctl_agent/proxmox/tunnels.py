"""stunnel on a real host: where its instances live, and what the host's kernel says of each.

How an instance is looked at and renewed is host.stunnel's; this room knows which process stands
for a container, and how its ids map.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from offctl.desired import tunnelplaces
from offctl.desired.model import DesiredState
from offctl.errors import HostError, OffctlError
from offctl.observed import FoundStunnel, ObservedInstance, Stray, Unknown
from offctl.planner import actions as act
from offctl_agent.host import run as programs
from offctl_agent.host.stunnel import places, processes
from offctl_agent.host.stunnel.door import SecretOf, Tunnels, no_secret
from offctl_agent.host.stunnel.places import Remembered
from offctl_agent.host.stunnel.proofs import Proofs
from offctl_agent.host.stunnel.seat import Seat
from offctl_agent.proxmox.running import Running

HOST = 0
# Seconds after which a tunnel is proven again though nothing has changed on this side.
PACE = 600.0
_INIT = 1


class TunnelDoor:
    """Every stunnel of this host; what acts raises HostError."""

    def __init__(
        self,
        root: Path,
        running: Running,
        secret: SecretOf = no_secret,
        *,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._running = running
        self._alive = alive
        self._proc = root / "proc"
        self._remembered: Remembered = {}
        on_host = root / tunnelplaces.ON_HOST.lstrip("/")
        self._tunnels = Tunnels(on_host, secret, self._seat, files_below=root, proofs=Proofs(PACE))

    def observe(
        self, desired: DesiredState
    ) -> tuple[tuple[ObservedInstance, ...], tuple[Stray, ...] | Unknown]:
        """The instances that the text asks for, and the stunnels that it does not.

        Changes nothing and never raises: what cannot be read is unknown.
        """
        return self._tunnels.observe(desired, self._closed), self._strays(desired)

    def make_directory(self, action: act.MakeTunnelDirectory) -> None:
        self._tunnels.make_directory(action)

    def renew(self, action: act.RenewTunnels) -> None:
        self._tunnels.renew(action)

    def every(self) -> tuple[FoundStunnel, ...] | Unknown:
        """Every stunnel that runs, whoever made it; never raises."""
        try:
            found = processes.stunnels(self._proc)
            if not found:
                return ()
            networks = {processes.network_of(_INIT, self._proc): HOST}
            for number in sorted(self._running.monitored()):
                with self._running.init(number) as init:
                    networks.setdefault(processes.network_of(init.number, self._proc), number)
            return self._tunnels.found(found, networks)
        except OffctlError as error:
            return Unknown(str(error))

    def _strays(self, desired: DesiredState) -> tuple[Stray, ...] | Unknown:
        try:
            found = processes.stunnels(self._proc)
            if not found:
                return ()
            networks = {
                processes.network_of(_INIT, self._proc): HOST,
                **dict(self._networks(desired)),
            }
            return self._tunnels.strays(desired, found, networks)
        except OffctlError as error:
            return Unknown(str(error))

    def _networks(self, desired: DesiredState) -> Iterator[tuple[int, int]]:
        """The network namespace of each running container of the text."""
        alive = self._running.monitored()
        for number in sorted({container.id for container in desired.containers} & alive):
            with self._running.init(number) as init:
                yield processes.network_of(init.number, self._proc), number

    def _closed(self, number: int) -> str:
        """Why a container cannot be looked into; empty when it can."""
        try:
            return "" if self._running.running(number) else f"container {number} is not running"
        except OffctlError as error:
            return str(error)

    def _seat(self, number: int) -> Seat:
        if number == HOST:
            directory = Path(tunnelplaces.of_container(HOST))
            return places.host(directory, self._run, proc=self._proc, remembered=self._remembered)
        with self._running.init(number) as init:
            return places.container(
                *(number, init.number, self._run, shift(init.idmap())),
                proc=self._proc,
                remembered=self._remembered,
            )

    def _run(self, argv: Sequence[str], *, timeout: float) -> places.Finished:
        return programs.run(argv, timeout=timeout, alive=self._alive)


def shift(idmap: tuple[str, ...]) -> places.Shift:
    """How a container's ids are seen on the host; without a map they are the host's own."""

    def shifted(kind: str, number: int) -> int:
        if not idmap:
            return number
        for line in idmap:
            its, *words = line.split()
            inside, outside, count = (int(word) for word in words)
            if its == kind and inside <= number < inside + count:
                return outside + number - inside
        raise HostError(f"cannot give a file to id {number} of the container: it has no such id")

    return shifted
