"""Network interfaces: netN lines, with the hardware address always carried over."""

from offctl import errors, propertystring
from offctl.desired.model import Network

_FLAGS = frozenset({"firewall", "link_down"})


def same(network: Network, text: str) -> bool:
    """Whether a netN value already says what `network` asks for."""
    known = _known(network, text)
    return known is not None and _meaning(_parts(network)) == _meaning(known)


def text(network: Network, present: str | None) -> str:
    """The netN value to set: a missing hwaddr would make PVE invent a new one at every call."""
    parts = _parts(network)
    if "hwaddr" not in parts and present is not None:
        address = _read(present).get("hwaddr")
        if address:
            parts["hwaddr"] = address
    return propertystring.join(parts, first=("name",))


def describe(network: Network) -> str:
    """The wish as one text, for the ledger and for people."""
    return propertystring.join(_meaning(_parts(network)), first=("name",))


def describe_text(network: Network, text: str) -> str:
    """A present line in the words of `describe`."""
    known = _known(network, text)
    return text if known is None else propertystring.join(_meaning(known), first=("name",))


def still(described: str, text: str) -> bool:
    """Whether a present line is what `describe` once said, whatever address PVE chose for it."""
    parts = _meaning(_read(text))
    if "hwaddr=" not in described:
        parts.pop("hwaddr", None)
    return propertystring.join(parts, first=("name",)) == described


def _parts(network: Network) -> dict[str, str]:
    parts = {
        "name": network.name,
        "bridge": network.bridge,
        "type": "veth",
        **dict(network.options),
    }
    if network.hwaddr:
        parts["hwaddr"] = network.hwaddr
    return parts


def _known(network: Network, text: str) -> dict[str, str] | None:
    """The parts of a present line that count; None for a line that PVE cannot read either."""
    parts = _read(text)
    if not network.hwaddr:
        parts.pop("hwaddr", None)
    return parts or None


def _read(text: str) -> dict[str, str]:
    try:
        return propertystring.parse(text)
    except errors.MalformedError:
        return {}


def _meaning(parts: dict[str, str]) -> dict[str, str]:
    kept = {}
    for key, value in parts.items():
        if key in _FLAGS:
            if propertystring.is_on(value):
                kept[key] = "1"
        elif key == "hwaddr":
            kept[key] = value.upper()
        elif (key, value) != ("type", "veth"):
            kept[key] = value
    return kept
