"""The seven links of the example site, with real stunnels at both ends: also those at Moji.

Every container is a network namespace with the addresses it has in production; the two internal
networks use the same numbers, as they do there.
"""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
import secrets

from offctl import certificates
from offctl.desired.model import DesiredState, Mode, TunnelEnd
from offctl.observed import ObservedInstance
from offctl.planner import actions as act
from offctl.planner import tunnels as planner
from offctl.tunnelkeys import TunnelSecret
from offctl_agent.host.stunnel.door import Tunnels
from offctl_cli.site import load
from tunnels.namespaces import Netns, Wire

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
NAMES = """\
203.0.113.101 proxy2.openfoodfacts.org
203.0.113.11 proxy1.openfoodfacts.org
"""
ADDRESSES = {
    ("off2", 101): {"free": ["10.1.0.101/24"], "public": ["203.0.113.101/24"]},
    ("off2", 103): {"free": ["10.1.0.103/24"], "public": ["2a06:c484:5::103/64"]},
    ("ovh1", 113): {"ovh": ["10.1.0.113/24"], "public": ["203.0.113.113/24"]},
    ("ovh1", 101): {
        "ovh": ["10.1.0.101/24"],
        "public": ["203.0.113.11/24", "2a06:c484:5::11/64"],
    },
    ("moji", 101): {"moji": ["10.3.0.101/24"], "public": ["203.0.113.31/24"]},
    ("moji", 102): {"moji": ["10.3.0.102/24"], "public": ["2a06:c484:5::102/64"]},
}
# Where what the tunnels carry is served: on a third host, each time.
TARGETS = {
    "free": ("10.1.0.102/24", "10.1.0.122/24"),
    "ovh": ("10.1.0.201/24",),
    "moji": ("10.3.0.200/24",),
}
# What a consumer connects to, where, and who must answer.
LINKS = (
    ("mongodb-ovh", ("ovh1", 113), "10.1.0.113:27017", "10.1.0.102:27017"),
    ("redis-ovh", ("ovh1", 113), "10.1.0.113:6379", "10.1.0.122:6379"),
    ("mongodb-moji", ("moji", 101), "10.3.0.101:27017", "10.1.0.102:27017"),
    ("redis-moji", ("moji", 101), "10.3.0.101:6379", "10.1.0.122:6379"),
    ("influxdb-moji", ("moji", 101), "10.3.0.101:8086", "10.1.0.201:8087"),
    ("robotoff", ("ovh1", 101), "127.0.0.1:16000", "10.3.0.200:5500"),
    ("off-query", ("off2", 103), "10.1.0.103:16001", "10.3.0.200:5511"),
)

Seat = tuple[str, int]


@dataclass
class Host:
    """One host: its door, and what the site asks of its tunnels."""

    name: str
    door: Tunnels
    ends: tuple[TunnelEnd, ...]

    def converge(self) -> None:
        for (container, instance), ends in planner.grouped(self.ends).items():
            self.door.renew(act.RenewTunnels("openfoodfacts", container, instance, ends))

    def look(self) -> tuple[ObservedInstance, ...]:
        state = DesiredState("openfoodfacts", self.name, Mode.ENFORCE, tunnels=self.ends)
        return self.door.observe(state, lambda _: "")


@dataclass
class Production:
    hosts: dict[str, Host]
    seats: dict[Seat, Netns]

    def answers(self) -> dict[str, str]:
        """Who answers at the client end of each link."""
        told = {}
        for name, seat, address, _ in LINKS:
            told[name] = self.seats[seat].ask(address, "who").removesuffix(" who")
        return told

    def log(self) -> str:
        return "".join(seat.said() for seat in self.seats.values())


def ends_of_moji(ours: list[TunnelEnd]) -> tuple[TunnelEnd, ...]:
    """The other ends of what the site says, as the people there would write them."""
    accepts = {name: address for name, seat, address, _ in LINKS if seat[0] == "moji"}
    connects = {
        "mongodb-moji": "proxy2.openfoodfacts.org:27017",
        "redis-moji": "proxy2.openfoodfacts.org:6379",
        "influxdb-moji": "proxy1.openfoodfacts.org:8087",
    }
    targets = {name: target for name, _, _, target in LINKS}
    found = []
    for end in ours:
        if end.peer_host != "moji":
            continue
        if end.role == "server":
            far = replace(end, role="client", container=101, accept=accepts[end.name],
                          connect=connects[end.name])  # fmt: skip
        else:
            port = end.connect.rpartition(":")[2]
            far = replace(end, role="server", container=102, accept=f":::{port}",
                          connect=targets[end.name])  # fmt: skip
        found.append(replace(far, peer_host="us"))
    return tuple(found)


@contextlib.contextmanager
def production(directory: Path, hold: float = 0.5) -> Iterator[Production]:
    """Everything in place, nothing set up yet."""
    compiled = load.compile_site(EXAMPLE)
    keys = {host: certificates.generate_tunnel_key() for host in ("off1", "off2", "ovh1", "moji")}
    ends: dict[str, tuple[TunnelEnd, ...]] = {}
    for state in compiled.states:
        ends[state.host] = tuple(
            end if end.psk_file else replace(end, peer_key=keys[end.peer_host][0])
            for end in state.tunnels
        )
    ours = [end for each in ends.values() for end in each]
    ends["moji"] = ends_of_moji(ours)
    wire = Wire()
    try:
        hosts, seats = {}, {}
        for (host, number), addresses in ADDRESSES.items():
            root = directory / host / str(number)
            root.mkdir(parents=True)
            seats[host, number] = wire.place(
                f"{host}-{number}", addresses, directory=root, hosts=NAMES
            )
        for host in ("off2", "ovh1", "moji"):
            below = directory / f"files-{host}"
            hosts[host] = Host(host, _door(directory, host, below, keys, seats, hold), ends[host])
        _write_keys(directory, ends)
        for bridge, served in TARGETS.items():
            root = directory / f"target-{bridge}"
            root.mkdir()
            place = wire.place(bridge, {bridge: served}, directory=root)
            for target in sorted({t for _, _, _, t in LINKS}):
                address, _, port = target.rpartition(":")
                if f"{address}/24" in served:
                    place.serve(address, int(port))
        yield Production(hosts, seats)
    finally:
        wire.close()


def _door(
    directory: Path,
    host: str,
    below: Path,
    keys: dict[str, tuple[str, bytes]],
    seats: dict[Seat, Netns],
    hold: float,
) -> Tunnels:
    def secret() -> TunnelSecret:
        return TunnelSecret(keys[host][1])

    def seat_of(number: int) -> Netns:
        return seats[host, number]

    typed: Callable[[int], Netns] = seat_of
    return Tunnels(directory / host, secret, typed, files_below=below, hold=hold)


def _write_keys(directory: Path, ends: dict[str, tuple[TunnelEnd, ...]]) -> None:
    """The keys that people agreed on, in a file at either end."""
    agreed: dict[str, str] = {}
    for host, each in ends.items():
        for end in each:
            if end.psk_file:
                key = agreed.setdefault(end.name, secrets.token_hex(32))
                path = directory / f"files-{host}" / end.psk_file.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{end.identity}:{key}\n")
                path.chmod(0o600)
