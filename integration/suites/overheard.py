"""Everything a host and its containers say and keep, for the canary to look through."""

from canary import Canary
from integration.rig.machine import Machine

# As text: a journal's own files are compressed. Arguments and environments of whatever runs.
_SAID = {
    "journal": "journalctl --no-pager -o export",
    "arguments": "cat /proc/[0-9]*/cmdline 2>/dev/null || true",
    "environments": "cat /proc/[0-9]*/environ 2>/dev/null || true",
    "kernel": "dmesg",
}
# State, inbox, outbox, journal of the agent, files of stunnel; what else our packages write.
_KEPT = "var/lib/offctl run/offctl etc/offctl etc/pve etc/systemd etc/stunnel var/log root tmp"
_ARCHIVE = "/var/overheard.tar"
# Key files are where ours and people's own are kept, and nowhere else.
_PACK = f"""\
cd "$1"
for name in {_KEPT}; do test ! -e "$name" || echo "$name"; done > /run/overheard.names
tar -cf {_ARCHIVE} --exclude=psk --exclude=psk.txt --exclude=var/log/journal \\
    --one-file-system --ignore-failed-read -T /run/overheard.names 2>/dev/null || test $? = 1
"""


def look_through(host: Machine, container: int, canary: Canary) -> None:
    """Show the canary what is on a host and in its container, but for the key files themselves."""
    for name, script in _SAID.items():
        canary.hear(host.sh(script).stdout, f"{name} of {host.name}")
    inside = ("lxc-attach", "-n", str(container), "--clear-env", "--", "/bin/sh", "-c")
    for name, script in _SAID.items():
        # A container may not read the kernel's log.
        said = host.run(*inside, script, check=name != "kernel").stdout
        assert said or name == "kernel", f"{name} of {host.name}/{container}"
        canary.hear(said, f"{name} of {host.name}/{container}")
    first = host.out("lxc-info", "-n", str(container), "-pH")
    for where, root in ((host.name, "/"), (f"{host.name}/{container}", f"/proc/{first}/root")):
        host.run("sh", "-c", _PACK, "pack", root)
        canary.hear(host.get(_ARCHIVE), f"files of {where}")
        host.run("rm", _ARCHIVE)


def dumps_allowed(host: Machine) -> list[str]:
    """Processes of stunnel or of ours that would leave their memory, keys and all, in a file."""
    script = (
        "for p in $(pgrep -x 'stunnel4?') $(systemctl show -p MainPID --value offctl-agent); do"
        " grep -H 'Max core file size' /proc/$p/limits; done"
    )
    lines = host.sh(script).stdout.splitlines()
    assert len(lines) > 1, "stunnel and the agent run"
    return [line for line in lines if line.split()[-3:-1] != ["0", "0"]]
