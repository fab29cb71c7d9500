"""What containers do by themselves: systemd inside, and coming back with the host."""

from integration.pve import guest
from integration.rig.fleet import Fleet
from integration.rig.machine import Machine
from integration.suites import proxmox
from offctl.observed import SERVICE_RUNS
from offctl_agent.proxmox.services import NOT_RUNNING

# Asked again inside, where it is cheap: a systemd that has just begun does not answer at all.
WAITING = """pct exec 130 -- sh -c '
until systemctl is-system-running --wait | grep -x -e running -e degraded; do sleep 1; done'
"""
SERVICES = f"""
from pathlib import Path
import sys
sys.path[:0] = ["{guest.PLACE}/agent", "{guest.PLACE}/common"]
from offctl_agent.proxmox import running, services
groups = running.Running(Path("/")).groups(130)
asked = ("systemd-journald.service", "nginx.service")
found = dict(services.states(groups, asked))
print(*(found[name] for name in asked), sep="\\n")
"""


def _host(fleet: Fleet) -> Machine:
    (machine,) = fleet.add("pve1")
    proxmox.lay_out(machine)
    machine.run("zfs", "create", "-o", "mountpoint=/data", "tank/data")
    return machine


def test_systemd_runs_in_a_container(bare_hosts: Fleet) -> None:
    host = _host(bare_hosts)
    template = "local:vztmpl/debian-12-systemd_12.5-1_amd64.tar.gz"
    options = "--rootfs local-zfs:1 --unprivileged 1 --features nesting=1"
    done = proxmox.shell(host, f"pct create 130 {template} {options} && pct start 130")
    assert done.code == 0, done.stdout + done.stderr

    said = proxmox.shell(host, WAITING, timeout=900)
    assert said.stdout.strip() in ("running", "degraded"), said.stdout + said.stderr
    failed = proxmox.shell(host, "pct exec 130 -- systemctl --failed --no-legend --plain").stdout
    assert failed == ""
    groups = proxmox.shell(host, "ls -d /sys/fs/cgroup/lxc/130/ns/system.slice/*.service").stdout
    assert "systemd-journald.service" in groups
    # What the agent makes of that.
    assert host.out("python3", "-c", SERVICES, timeout=60) == f"{SERVICE_RUNS}\n{NOT_RUNNING}"
    assert proxmox.shell(host, "pct shutdown 130 --timeout 300", timeout=360).code == 0


def test_containers_come_back_with_the_host(bare_hosts: Fleet) -> None:
    host = _host(bare_hosts)
    prepared = """
    set -e; mkdir -p /data/back; touch /data/back/file
    for id in 131 132 133; do pct create $id $T --rootfs local-zfs:1 --unprivileged 1; done
    pct set 131 --onboot 1 --startup order=2 --mp0 /data/back,mp=/mnt/back
    pct set 132 --onboot 1 --startup order=1
    pct start 133
    """
    done = proxmox.shell(host, prepared)
    assert done.code == 0, done.stderr
    host.run("sync")
    host.power_cycle()
    waiting = "until [ $(systemctl is-active pve-guests) = active ]; do sleep 2; done"
    proxmox.shell(host, waiting, timeout=600)
    rest = proxmox.shell(
        host, "pct status 131; pct status 132; pct status 133; pct exec 131 -- ls /mnt/back"
    ).stdout
    assert rest == "status: running\nstatus: running\nstatus: stopped\nfile\n"
    started = proxmox.shell(
        host, "journalctl -b -o cat -u pve-container@132 -u pve-container@131"
    ).stdout
    assert started.index("Container 132") < started.index("Container 131")
