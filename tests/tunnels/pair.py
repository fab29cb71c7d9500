"""One tunnel between two hosts: the smallest thing that is whole."""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

from offctl import certificates
from offctl.desired.model import DesiredState, Mode, TunnelEnd
from offctl.observed import ObservedInstance
from offctl.planner import actions as act
from offctl.tunnelkeys import TunnelSecret
from offctl_agent.host.stunnel.door import Tunnels
from tunnels.namespaces import Netns, Wire

CLIENT_ACCEPT = "10.1.0.113:6379"
SERVER_ADDRESS = "203.0.113.1:6379"


@dataclass
class End:
    """One host of the pair: its door, its place, and what it is asked to be."""

    door: Tunnels
    place: Netns
    ends: tuple[TunnelEnd, ...]

    def renew(self) -> None:
        self.door.renew(act.RenewTunnels("openfoodfacts", 0, "off", self.ends))

    def look(self) -> ObservedInstance:
        state = DesiredState("openfoodfacts", "h", Mode.ENFORCE, tunnels=self.ends)
        (found,) = self.door.observe(state, lambda _: "")
        return found

    def replace_key(self, far: "End") -> None:
        """This host has a new tunnel key, and the site knows it."""
        text, pem = certificates.generate_tunnel_key()
        self.door = replace(self.door, secret=_reader(pem))
        far.ends = tuple(replace(end, peer_key=text) for end in far.ends)

    def file(self, suffix: str) -> Path:
        (found,) = (Path(self.place.directory) / "off").rglob(f"*{suffix}")
        return found


@dataclass
class Pair:
    wire: Wire
    client: End
    server: End

    def generation(self, client: int, *accepted: int) -> None:
        """Ask for a phase of a rotation."""
        (end,) = self.client.ends
        self.client.ends = (replace(end, generation=client, identity=f"c-g{client}"),)
        first = self.server.ends[0]
        self.server.ends = tuple(replace(first, generation=g, identity=f"c-g{g}") for g in accepted)

    def through(self, line: str = "hello") -> str:
        return self.client.place.ask(CLIENT_ACCEPT, line)


@contextlib.contextmanager
def pair(directory: Path, hold: float = 1.0) -> Iterator[Pair]:
    """Client and server host, keys made, a service behind the server; nothing set up yet."""
    wire = Wire()
    try:
        public: dict[str, str] = {}
        secrets: dict[str, Callable[[], TunnelSecret]] = {}
        for name in ("client", "server"):
            public[name], pem = certificates.generate_tunnel_key()
            secrets[name] = _reader(pem)
        ends = {}
        for name, addresses in (
            ("client", {"one": ["10.1.0.113/24"], "public": ["203.0.113.2/24"]}),
            ("server", {"two": ["10.2.0.1/24"], "public": ["203.0.113.1/24"]}),
        ):
            root = directory / name / "host"
            root.mkdir(parents=True)
            place = wire.place(name, addresses, directory=root)
            door = Tunnels(directory / name, secrets[name], _always(place), hold=hold)
            ends[name] = End(door, place, ())
        ends["client"].ends = (
            TunnelEnd("redis", "client", "Redis", 0, "off", CLIENT_ACCEPT, SERVER_ADDRESS, "c-g1",
                      1, "server", public["server"]),
        )  # fmt: skip
        ends["server"].ends = (
            TunnelEnd("redis", "server", "Redis", 0, "off", SERVER_ADDRESS, "10.2.0.1:6380",
                      "c-g1", 1, "client", public["client"]),
        )  # fmt: skip
        ends["server"].place.serve("10.2.0.1", 6380)
        yield Pair(wire, ends["client"], ends["server"])
    finally:
        wire.close()


def _reader(pem: bytes) -> Callable[[], TunnelSecret]:
    return lambda: TunnelSecret(pem)


def _always(place: Netns) -> Callable[[int], Netns]:
    return lambda _: place
