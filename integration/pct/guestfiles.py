"""What PVE writes into the tree of a container at creation and at every start.

Whatever is mounted over such a path gets it, also a directory of the host.
"""

import os
from pathlib import Path

from integration.pct import apart
from offctl_agent.host import pctconf
from offctl_agent.simulated import pctidmap, pctvalues

_MARKS = (
    ("debian", "etc/debian_version"),
    ("alpine", "etc/alpine-release"),
    ("centos", "etc/redhat-release"),
    ("archlinux", "etc/arch-release"),
)
_BEGIN, _END = "# --- BEGIN PVE ---", "# --- END PVE ---"
_IFUPDOWN = frozenset({"alpine", "debian", "devuan"})


def system(base: str) -> str:
    """The ostype of a tree, by its marks."""
    return next((name for name, mark in _MARKS if Path(base, mark).exists()), "unmanaged")


def write(base: str, ostype: str, number: int, file: pctconf.File) -> None:
    """Write the files, with the tree as the root: no link leads out of it."""
    if ostype == "unmanaged":
        return

    def inside() -> str:
        os.chroot(base)
        os.chdir("/")
        owner = pctidmap.root(pctidmap.lines(file))
        for path, content in _files(ostype, number, file.main.options).items():
            _replace(Path(path), content, owner)
        return ""

    apart.run(inside)


def _files(ostype: str, number: int, options: dict[str, str]) -> dict[str, str]:
    name = options.get("hostname", f"CT{number}")
    short = name.partition(".")[0]
    both = f"{name} {short}" if short != name else name
    found = {
        "/etc/hostname": f"{short}\n",
        "/etc/hosts": _block(Path("/etc/hosts"), f"127.0.1.1 {both}\n"),
    }
    servers = options.get("nameserver", "").split()
    if servers:
        text = f"search {options['searchdomain']}\n" if options.get("searchdomain") else ""
        text += "".join(f"nameserver {server}\n" for server in servers)
        found["/etc/resolv.conf"] = _block(Path("/etc/resolv.conf"), text)
    if ostype in _IFUPDOWN:
        found["/etc/network/interfaces"] = _interfaces(options)
    return found


def _interfaces(options: dict[str, str]) -> str:
    text = "auto lo\niface lo inet loopback\n"
    for _, parts in pctvalues.networks(options):
        text += f"\nauto {parts['name']}\n"
        for family, key, gateway in (("inet", "ip", "gw"), ("inet6", "ip6", "gw6")):
            value = parts.get(key, "")
            if value in ("dhcp", "auto", "manual"):
                text += f"iface {parts['name']} {family} {value}\n"
            elif value:
                text += f"iface {parts['name']} {family} static\n"
                address, _, length = value.partition("/")
                # Apart, because not every ifup takes them together.
                text += f"\taddress {address}\n\tnetmask {length}\n"
                text += f"\tgateway {parts[gateway]}\n" if gateway in parts else ""
    return text


def _block(path: Path, text: str) -> str:
    """The old content with PVE's own part replaced."""
    old = path.read_text(errors="replace") if path.is_file() else ""
    before, _, rest = old.partition(_BEGIN)
    after = rest.partition(_END)[2].lstrip("\n")
    if before and not before.endswith("\n"):
        before += "\n"
    return f"{before}{_BEGIN}\n{text}{_END}\n{after}"


def _replace(path: Path, content: str, owner: tuple[int, int]) -> None:
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(mode=0o755)
            os.chown(parent, *owner)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    temporary.write_text(content)
    os.chown(temporary, *owner)
    temporary.chmod(0o644)
    temporary.rename(path)
