"""The containers of a host, each as a site would ask for it to be just what it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import ipaddress

from offctl import errors, freenames, propertystring
from offctl.desired import addresses, idranges, names
from offctl.desired.model import Container, IdRange, Mode, Network, RootFilesystem, RunState
from offctl.observed import Configuration, ObservedContainer
from offctl.planner import idmaps as lxc
from offctl.planner import mounts as lines
from offctl.planner import options as pct
from offctl.planner import subids
from offctl_agent.adopt import idmaps, mounts, networks, options, quoting
from offctl_agent.adopt.left import Lefts
from offctl_agent.adopt.mounts import Ground
from offctl_agent.adopt.options import Word


@dataclass(frozen=True, slots=True)
class Taken:
    """A container that is taken over, and the words of the site for its options."""

    container: Container
    words: Mapping[str, Word]


@dataclass(slots=True)
class Choosing:
    """Chooses one container after the other; no name and no address is given twice."""

    ground: Ground
    granted: tuple[tuple[str, int, int], ...]
    lefts: Lefts
    addresses: dict[str, str]
    called: set[str]

    def take(self, there: ObservedContainer) -> Taken | None:
        """The container as it is, or None with the reason among the lefts."""
        now = there.configuration
        hostname = now.option("hostname")
        what = f"container {there.id}"
        if hostname is not None and names.HOSTNAME.fullmatch(hostname):
            what += f" {hostname[:63]}"
        self._tell(now, what)
        if reason := _complaint(now, hostname):
            self.lefts.leave(what, reason)
            return None
        root, reason = self._root(now)
        if root is None:
            self.lefts.leave(what, reason)
            return None
        unprivileged = pct.same("unprivileged", "1", now.option("unprivileged") or "0")
        idmap = self._idmap(there, what, unprivileged=unprivileged)
        if unprivileged and not all(
            subids.covered(need, self.granted) for need in idranges.needed([idmap or ()])
        ):
            self.lefts.leave(what, "/etc/subuid and /etc/subgid do not grant root what it maps")
            return None
        name = self._name(there.id, hostname)
        words = options.read(now, what, self.lefts)
        if hostname is None:
            words["hostname"] = "default"
        taken = Container(
            id=there.id,
            name=name,
            run=RunState.RUNNING if there.running else RunState.STOPPED,
            template="",
            root=root,
            unprivileged=unprivileged,
            networks=self._networks(now, what),
            mounts=mounts.choose(there, name, self.ground, self.lefts),
            idmap=idmap,
            mode=Mode.AUDIT,
        )
        return with_words(taken, words)

    def _tell(self, now: Configuration, what: str) -> None:
        """Of what stays in the file as it is, and of what is not the way it looks."""
        for line in now.complaints:
            self.lefts.hazard(
                what, f"PVE cannot read {quoting.line(line)}; its next write drops it"
            )
        for key in sorted({key for key, _ in now.raw if key != "lxc.idmap"}):
            shown = key[: quoting.MAX_KEY]
            self.lefts.leave(f"{what}: {shown}", "the site has no raw LXC settings; it stays")
        if now.lock:
            self.lefts.leave(
                f"{what}: lock",
                f"PVE holds it{quoting.value('lock', now.lock)}; nothing is changed",
            )

    def _root(self, now: Configuration) -> tuple[RootFilesystem | None, str]:
        text = now.option("rootfs")
        if text is None:
            return None, "it has no rootfs"
        try:
            parts = propertystring.parse(text, bare="volume")
        except errors.MalformedError:
            return None, "PVE itself cannot read its rootfs"
        storage, _, volume = parts.get("volume", "").partition(":")
        if storage not in self.ground.storage:
            return None, f"its root is on {storage[:60]!r}, which is no ZFS storage of this host"
        size = _gib(parts.get("size") or self.ground.size(storage, volume))
        if size is None:
            return None, f"nobody knows how large its root is{quoting.value('rootfs', text)}"
        written = parts.get("mountoptions", "")
        words = tuple(sorted(set(written.split(";")))) if written else ()
        known = words if set(words).issubset(names.MOUNT_OPTIONS) else ()
        return RootFilesystem(storage, size, known), ""

    def _idmap(
        self, there: ObservedContainer, what: str, *, unprivileged: bool
    ) -> tuple[IdRange, ...] | None:
        written = lxc.lines(there.configuration)
        if not unprivileged:
            if written:
                self.lefts.leave(f"{what}: lxc.idmap", "the site has none for privileged ones")
            return None
        ranges = idmaps.parse(written)
        reason = "it is of no form the site knows" if ranges is None else ""
        if ranges:
            reason = idmaps.complaint(ranges)
        if ranges is None or reason:
            self.lefts.hazard(f"{what}: lxc.idmap", reason)
            return None
        return idmaps.in_order(ranges)

    def _name(self, number: int, hostname: str | None) -> str:
        fits = hostname and names.NAME.fullmatch(hostname)
        base = hostname.lower() if hostname and fits else f"ct{number}"
        if base in self.called:
            base = freenames.free(f"{base[:50]}-{number}", self.called)
        self.called.add(base)
        return base

    def _networks(self, now: Configuration, what: str) -> tuple[Network, ...]:
        kept = []
        for network in networks.choose(now, what, self.lefts):
            where = f"{what}: net{network.index}"
            own = _addresses(network)
            twice = next((a for a in own if a in self.addresses), "")
            if twice:
                self.lefts.hazard(where, f"{twice} is an address of {self.addresses[twice]}, too")
                continue
            self.addresses |= dict.fromkeys(own, what)
            hardware = network.hwaddr
            other = self.addresses.setdefault(hardware, where) if hardware else where
            if other != where:
                self.lefts.hazard(where, f"{hardware} is the hardware address of {other}, too")
            kept.append(network if other == where else replace(network, hwaddr=""))
        return tuple(kept)


def with_words(container: Container, words: Mapping[str, Word]) -> Taken:
    """The container with the options that these words compile to."""
    values: dict[str, str] = {}
    defaults = []
    for key, word in words.items():
        if word == "default":
            defaults.append(key)
        elif key == "devices":
            assert isinstance(word, list)
            values |= {f"dev{n}": options.device_text(device) for n, device in enumerate(word)}
        else:
            values[key] = options.text(key, word)
    if "hostname" not in words:
        values["hostname"] = container.name
    done = replace(
        container, options=tuple(sorted(values.items())), defaults=tuple(sorted(defaults))
    )
    return Taken(done, words)


def _complaint(now: Configuration, hostname: str | None) -> str:
    if pct.same("template", "1", now.option("template")):
        return "it is a template"
    if hostname is not None and (not names.HOSTNAME.fullmatch(hostname) or hostname == "default"):
        return f"its hostname cannot be written in a site{quoting.value('hostname', hostname)}"
    return ""


def _gib(size: str) -> int | None:
    whole = -(-lines.size_in_bytes(size) // 1024**3)
    return whole if 0 < whole < 10**6 else None


def _addresses(network: Network) -> tuple[str, ...]:
    found = []
    for key in ("ip", "ip6"):
        text = dict(network.options).get(key, "").partition("/")[0]
        if not addresses.complaint(text):
            found.append(str(ipaddress.ip_address(text)))
    return tuple(found)
