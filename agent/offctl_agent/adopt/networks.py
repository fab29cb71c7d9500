"""The interfaces of a container, each with all that its line says, where the site can say it."""

from offctl import errors, propertystring
from offctl.desired import addresses, names
from offctl.desired.model import Network
from offctl.observed import Configuration
from offctl.planner import networks
from offctl_agent.adopt import quoting, shapes
from offctl_agent.adopt.left import Lefts

# In the order in which the compiler writes them.
_OPTIONS = ("firewall", "gw", "gw6", "ip", "ip6", "link_down", "mtu", "rate", "tag")
_WORDS = {"ip": ("dhcp", "manual"), "ip6": ("auto", "dhcp", "manual")}
_NUMBERS = {"mtu": (64, 65535), "tag": (1, 4094)}


def choose(now: Configuration, what: str, lefts: Lefts) -> tuple[Network, ...]:
    """The interfaces that can be taken over, by number."""
    chosen: list[Network] = []
    for index in range(32):
        text = now.option(f"net{index}")
        if text is None:
            continue
        network = _read(index, text)
        if network is None:
            lefts.leave(
                f"{what}: net{index}",
                f"the site cannot say it{quoting.value(f'net{index}', text, 120)}",
            )
        elif any(network.name == other.name for other in chosen):
            lefts.leave(f"{what}: net{index}", f"{network.name} is an interface of it already")
        elif twice := _second_gateway(network, chosen):
            lefts.hazard(f"{what}: net{index}", f"{twice}: it has two default gateways")
        else:
            chosen.append(network)
    return tuple(chosen)


def _read(index: int, text: str) -> Network | None:
    try:
        parts = propertystring.parse(text)
    except errors.MalformedError:
        return None
    name, bridge = parts.get("name", ""), parts.get("bridge", "")
    if not names.INTERFACE.fullmatch(name) or not names.INTERFACE.fullmatch(bridge):
        return None
    hwaddr = parts.get("hwaddr", "")
    options = []
    for key in _OPTIONS:
        if key not in parts:
            continue
        value = _value(key, parts[key])
        if value is None:
            return None
        if value:
            options.append((key, value))
    pinned = hwaddr.upper() if shapes.HARDWARE.fullmatch(hwaddr) else ""
    network = Network(index, name, bridge, pinned, tuple(options))
    return network if networks.same(network, text) else None


def _value(key: str, value: str) -> str | None:
    """As the compiler writes it; empty for what is so without being written."""
    if key == "firewall":
        return "1" if propertystring.is_on(value) else ""
    if key == "link_down":
        return "1" if propertystring.is_on(value) else "0"
    if key in _WORDS:
        return value if value in _WORDS[key] or _is_interface(value) else None
    if key in ("gw", "gw6"):
        return value if not addresses.complaint(value) and len(value) <= 45 else None
    if key in _NUMBERS:
        least, most = _NUMBERS[key]
        return value if _plain(value, most) >= least else None
    return value if _plain(value, 1_000_000) >= 0 else None  # rate


def _is_interface(value: str) -> bool:
    return len(value) <= addresses.MAX_INTERFACE and not addresses.interface_complaint(value)


def _plain(value: str, most: int) -> int:
    """The number that is written just as the compiler writes it; below 0 when it is none."""
    number = shapes.number(value, most)
    return -1 if number is None or str(number) != value else number


def _second_gateway(network: Network, others: list[Network]) -> str:
    for option in ("gw", "gw6"):
        gateway = dict(network.options).get(option)
        if gateway and any(option in dict(other.options) for other in others):
            return f"{option}={gateway}"
    return ""
