"""The Debian releases a guest can be, and what is installed in it."""

from dataclasses import dataclass
import os
import re

from integration.rig import cache
from integration.rig.process import RigError, run

NAMES = ("bookworm", "trixie")

# What a Proxmox host has around the product, and what a person needs to look at it.
SYSTEM = (
    *("systemd", "systemd-sysv", "udev", "kmod", "dbus", "iproute2", "iputils-ping"),
    *("procps", "psmisc", "less", "strace", "openssl", "netcat-openbsd", "bridge-utils"),
    *("nftables", "busybox-static", "e2fsprogs", "attr", "acl", "util-linux-extra"),
    *("python3", "python3-pyzfs", "zfsutils-linux", "lxc", "uidmap", "stunnel4"),
)


@dataclass(frozen=True, slots=True)
class Release:
    """One Debian release, as this machine's apt knows it."""

    name: str
    mirror: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages of a guest: its system's, and what ours depend on, so that no network is
        needed to install ours.
        """
        return tuple(sorted({*SYSTEM, *_dependencies()}))


def chosen() -> Release:
    """The release that `RIG_RELEASE` names, or bookworm. Raises RigError."""
    name = os.environ.get("RIG_RELEASE") or NAMES[0]
    if name not in NAMES:
        raise RigError(f"cannot make a guest of {name}: RIG_RELEASE is one of {', '.join(NAMES)}")
    sites = run(
        *("apt-get", "indextargets", "--format", "$(SITE)"),
        *("Created-By: Packages", "Label: Debian"),
    )
    mirrors = sorted(set(sites.split()))
    if not mirrors:
        raise RigError("cannot make a guest: apt on this machine knows no Debian mirror")
    return Release(name, mirrors[0])


def _dependencies() -> set[str]:
    text = (cache.ROOT / "packaging" / "debian" / "control").read_text(encoding="utf-8")
    names: set[str] = set()
    for field in re.findall(r"^(?:Depends|Recommends):\n((?: .*\n)+)", text, re.MULTILINE):
        for line in field.splitlines():
            # The first of alternatives; none of the substituted, none of our own.
            name = re.match(r" ([a-z0-9][a-z0-9.+-]*)", line)
            if name and not name[1].startswith("offctl"):
                names.add(name[1])
    return names
