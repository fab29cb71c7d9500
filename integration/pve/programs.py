"""The programs and units of the world: pct, the hook, pve-container@, bridges, start at boot."""

from collections.abc import Mapping
from pathlib import Path

from integration.pct import lxcconfig, programs

HERE = Path(__file__).resolve().parent
SYSTEM = Path("/etc/systemd/system")
ROOT = HERE.parent.parent
INSTALLED = Path("/usr/share/offctl")
LAUNCHER = """\
#!/usr/bin/python3 -I
# A stand-in for a program of Proxmox VE, for tests only.
import sys

sys.path[:0] = {paths!r}
from integration.pct.{module} import main

sys.exit(main())
"""
LAUNCHERS = {
    "/usr/sbin/pct": "__main__",
    lxcconfig.HOOK: "hook",
    "/usr/local/sbin/pct-startall": "startall",
}
BOOT = ("pve-bridges.service", "pve-guests.service")
UNITS = ("pve-container@.service", "pve-guests.service")
BRIDGES = """\
[Unit]
Description=Bridges of a Proxmox VE host, for tests
DefaultDependencies=no
After=local-fs.target
Before=pve-guests.service

[Service]
Type=oneshot
RemainAfterExit=yes
{commands}"""


def install(bridges: Mapping[str, str]) -> None:
    """Put everything in its place and make it known to systemd."""
    for path, module in LAUNCHERS.items():
        _write(Path(path), LAUNCHER.format(paths=_paths(), module=module), 0o755)
    for name in UNITS:
        _write(SYSTEM / name, (HERE / name).read_text(), 0o644)
    _write(SYSTEM / "pve-bridges.service", BRIDGES.format(commands=_commands(bridges)), 0o644)
    for name in BOOT:
        wanted = SYSTEM / "multi-user.target.wants" / name
        wanted.parent.mkdir(exist_ok=True)
        wanted.unlink(missing_ok=True)
        wanted.symlink_to(SYSTEM / name)
    programs.run(["systemctl", "daemon-reload"])
    programs.run(["systemctl", "restart", "pve-bridges.service"])


def _paths() -> list[str]:
    if (INSTALLED / "offctl_agent").is_dir():
        return [str(INSTALLED), str(ROOT)]
    return [str(ROOT / "agent"), str(ROOT / "common"), str(ROOT)]


def _commands(bridges: Mapping[str, str]) -> str:
    lines = ""
    for name, address in sorted(bridges.items()):
        # One that is there already is fine.
        lines += f"ExecStart=-/usr/sbin/ip link add {name} type bridge\n"
        lines += f"ExecStart=/usr/sbin/ip link set {name} up\n"
        lines += f"ExecStart=/usr/sbin/ip address replace {address} dev {name}\n"
    return lines or "ExecStart=/bin/true\n"


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
