"""Run as the first process of namespaces of its own: people's stunnel, and what is found of it."""

from pathlib import Path
import subprocess
import sys
import time

from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor

BY_HAND = Path(__file__).with_name("by-hand.conf")


def main() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", "/etc/stunnel"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/etc/stunnel/off.conf").write_text(BY_HAND.read_text())
    Path("/etc/stunnel/psk.txt").write_text("client:pwgenmadethis0123456789abcdefghijk\n")
    Path("/etc/stunnel/psk.txt").chmod(0o600)
    with subprocess.Popen(["stunnel4", "/etc/stunnel/off.conf"], stderr=subprocess.DEVNULL) as it:
        until = time.monotonic() + 20
        while ":3FFB " not in Path("/proc/1/net/tcp").read_text() and time.monotonic() < until:
            time.sleep(0.1)
        sys.stdout.write(repr(TunnelDoor(Path("/"), Running(Path("/"))).every()))
        it.terminate()


if __name__ == "__main__":
    main()
