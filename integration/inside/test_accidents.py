"""What has happened to hosts like ours, and what people do to them, on real ZFS and containers.

The tests of this file follow each other on one host, as days do. Each leaves it converged.
"""

from collections.abc import Callable, Iterator
import contextlib
from contextlib import AbstractContextManager
import os
from pathlib import Path
import subprocess
import time

import pytest

from integration.inside import dying, forking, guests
from integration.inside.days import Host
from integration.inside.pools import shell
from integration.pve import quorum
from offctl.planner.actions import Action
from offctl_agent import converge
from offctl_agent.execute import Outcome

FILE = "/root/fast.img"
IDENTITY = ("u 0 100000 1000", "u 1000 1000 64536", "g 0 100000 1000", "g 1000 1000 64536")
SITE = f"""
pools = ["fast", "tank"]
subids = ["u:1000:64536", "g:1000:64536"]

[[dataset]]
name = "tank/off"
uid = 1000
directory = [{{ path = "users", uid = 1000, gid = 1000 }}]

[[dataset]]
name = "tank/off/images"

[[dataset]]
name = "fast/products"

[[container]]
id = 113
template = "{guests.TEMPLATE}"
root = {{ storage = "tank-pve", size_gib = 1 }}
options = {{ hostname = "off", memory = "128", protection = "1" }}
idmap = {list(IDENTITY)}
mount = [
  {{ target = "/mnt/off", source = "/tank/off", dataset = "tank/off" }},
  {{ target = "/mnt/off/images", source = "/tank/off/images", dataset = "tank/off/images" }},
  {{ target = "/mnt/off/products", source = "/fast/products", dataset = "fast/products" }},
]
"""
MOUNTS = {
    "/mnt/off": "/tank/off",
    "/mnt/off/images": "/tank/off/images",
    "/mnt/off/products": "/fast/products",
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Built, running, with data in every place; an old dataset lies where a mount goes."""
    home = tmp_path_factory.mktemp("host")
    with forking.served(home), guests.real(home) as rig:
        shell("truncate", "-s", "128M", FILE)
        shell("zpool", "create", "-f", "fast", FILE)
        try:
            shell("zfs", "create", "-p", "tank/off/products")
            Path("/tank/off/products/old").touch()
            made = Host(rig, home)
            assert made.run(SITE).plan.steps == ()
            Path("/fast/products/new").touch()
            Path("/tank/off/images/image").touch()
            yield made
        finally:
            made.stop(113)
            shell("zpool", "destroy", "-f", "fast")


def left(run: converge.Run) -> list[tuple[str, str]]:
    return [(step.resource.key, step.text) for step in run.plan]


def state(pool: str) -> str:
    """As the kernel says, which needs no answer from the pool."""
    return Path("/proc/spl/kstat/zfs", pool, "state").read_text().strip()


def until(what: str, true: Callable[[], bool]) -> None:
    """Wait for something that the kernel does in its own time."""
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def shown(host: Host) -> dict[str, str]:
    effective = host.effective(113, SITE)
    assert effective is not None
    return dict(effective.mounts)


def settle(host: Host) -> None:
    """After a run that may restart it everything is right, and the next one does nothing."""
    assert left(host.run(SITE, restarts=(113,))) == []
    assert host.run(SITE).events == []
    assert shown(host) == MOUNTS
    for path in ("/fast/products/new", "/tank/off/images/image"):
        assert Path(path).exists()


def test_the_rename_of_a_dataset_below_a_mount_takes_the_mount_away(host: Host) -> None:
    """The outage of March 2024: the renamed one was in no container at all."""
    assert shown(host) == MOUNTS
    host.by_hand("zfs", "rename", "tank/off/products", "tank/old-products")
    assert "/mnt/off/products" not in shown(host)
    run = host.run(SITE)
    assert run.events == []
    assert left(run) == [("container 113", "restart")]
    settle(host)
    assert Path("/tank/old-products/old").exists()


def test_a_mount_of_another_pool_that_was_hidden_by_its_parent(host: Host) -> None:
    """The inner one was mounted first, then the outer one over its directory."""
    host.by_hand("pct", "stop", "113")
    host.by_hand("zfs", "unmount", "tank/off/images")
    host.by_hand("zfs", "unmount", "tank/off")
    host.by_hand("zfs", "create", "-o", "mountpoint=/tank/off/inner", "fast/inner")
    Path("/tank/off/inner/precious").touch()
    host.by_hand("zfs", "mount", "tank/off")
    assert host.by_hand("zfs", "get", "-H", "-o", "value", "mounted", "fast/inner") == "yes\n"
    text = SITE + '\n[[dataset]]\nname = "fast/inner"\nmountpoint = "/tank/off/inner"\n'
    run = host.run(text)
    assert [key for key, _ in left(run) if key != "container 113"] == ["dataset fast/inner"]
    # Nothing was mounted a second time, made in its place, or written beside it.
    assert not Path("/tank/off/inner").exists()
    host.stop(113)
    for name in ("tank/off/images", "tank/off", "fast/inner"):
        host.by_hand("zfs", "unmount", name)
    Path("/tank/off/inner").rmdir()
    assert left(host.run(text, restarts=(113,))) == []
    assert Path("/tank/off/inner/precious").exists()
    host.by_hand("zfs", "set", "mountpoint=none", "fast/inner")
    settle(host)


def test_a_line_of_a_mount_is_edited(host: Host) -> None:
    host.edit(113, b"mp1: /tank/off/images", b"mp1: /tank/off/users")
    run = host.run(SITE)
    assert [(e.origin, e.outcome) for e in run.events] == [("corrective", "done")]
    assert left(run) == [("container 113", "restart")]
    assert shown(host) == MOUNTS
    settle(host)


def test_a_line_of_the_id_map_is_lost(host: Host) -> None:
    host.edit(113, b"lxc.idmap: u 1000 1000 64536\n", b"")
    run = host.run(SITE)
    assert [(e.origin, e.outcome) for e in run.events] == [("corrective", "done")]
    lines = [f"lxc.idmap: {line}".encode() for line in IDENTITY]
    assert host.rig.read(113).splitlines()[-4:] == lines
    settle(host)


def test_another_id_map_after_users_were_made(host: Host) -> None:
    """Whatever is on its root volume would belong to others from then on."""
    before = host.rig.read(113)
    run = host.run(SITE.replace(str(list(IDENTITY)), '["u 0 100000 65536", "g 0 100000 65536"]'))
    assert run.events == []
    assert left(run) == [("container 113", "set id-map")]
    assert run.results["container 113", "set id-map"].outcome is Outcome.BLOCKED
    assert host.rig.read(113) == before
    settle(host)


def test_a_dataset_was_renamed(host: Host) -> None:
    host.by_hand("zfs", "rename", "tank/off/images", "tank/off/pictures")
    run = host.run(SITE)
    blocked = run.results["dataset tank/off/images", "create"]
    assert blocked.outcome is Outcome.BLOCKED
    assert "it is called tank/off/pictures now" in blocked.detail
    assert ("container 113", "restart") in left(run)
    # It is not interrupted to come up without its images.
    refused = host.run(SITE, restarts=(113,)).results["container 113", "restart"]
    assert refused.outcome in (Outcome.FAILED, Outcome.SKIPPED)
    host.by_hand("zfs", "rename", "tank/off/pictures", "tank/off/images")
    settle(host)


def test_the_source_of_a_running_container_is_unmounted(host: Host) -> None:
    host.by_hand("umount", "-l", "/fast/products")
    run = host.run(SITE)
    assert [(e.resource, e.origin) for e in run.events] == [("dataset fast/products", "corrective")]
    settle(host)


def test_a_new_child_hides_a_directory(host: Host) -> None:
    Path("/tank/off/users/somebody").touch()
    host.by_hand("zfs", "create", "tank/off/users")
    failed = host.run(SITE).results["directory /tank/off/users", "set owner and mode"]
    assert "another file system is mounted in its path" in failed.detail
    # Not even the owner of the stranger was changed.
    assert Path("/tank/off/users").stat().st_uid == 0
    host.by_hand("zfs", "unmount", "tank/off/users")
    host.by_hand("zfs", "rename", "-u", "tank/off/users", "tank/strange")
    assert Path("/tank/off/users/somebody").exists()
    settle(host)


def test_a_pool_is_exported(host: Host) -> None:
    host.by_hand("pct", "stop", "113")
    host.by_hand("zpool", "export", "fast")
    run = host.run(SITE)
    assert run.events == []
    unknown = [f.reason for f in run.plan.findings if f.state == "unknown"]
    assert unknown == ["pool fast is not imported and writable"]
    assert not Path("/fast/products").exists()
    host.by_hand("zpool", "import", "-d", "/root", "fast")
    settle(host)


def test_a_pool_is_imported_read_only(host: Host) -> None:
    host.by_hand("pct", "stop", "113")
    host.by_hand("zpool", "export", "fast")
    host.by_hand("zpool", "import", "-d", "/root", "-o", "readonly=on", "fast")
    run = host.run(SITE)
    assert run.events == []
    unknown = [f.reason for f in run.plan.findings if f.state == "unknown"]
    assert unknown == ["pool fast is imported read-only"]
    host.by_hand("zpool", "export", "fast")
    host.by_hand("zpool", "import", "-d", "/root", "fast")
    settle(host)


def test_a_pool_does_not_answer(host: Host) -> None:
    """What it is on is full: it waits for a person, and so would whoever asks it anything."""
    place = Path("/root/small")
    place.mkdir()
    host.by_hand("mount", "-t", "tmpfs", "-o", "size=32M", "small", str(place))
    text = SITE.replace('pools = ["fast"', 'pools = ["stuck", "fast"')
    text += '\n[[dataset]]\nname = "stuck/data"\n'
    try:
        host.by_hand("truncate", "-s", "96M", str(place / "disk"))
        host.by_hand("zpool", "create", "stuck", str(place / "disk"))
        assert left(host.run(text)) == []
        with subprocess.Popen(
            ["dd", "if=/dev/urandom", "of=/stuck/data/fill", "bs=1M", "count=64"]
        ):
            until("it is suspended", lambda: state("stuck") == "SUSPENDED")
            host.by_hand("pct", "set", "113", "--memory", "256")
            run = host.run(text)
            unknown = {f.resource.key: f.reason for f in run.plan.findings if f.state == "unknown"}
            assert unknown == {"dataset stuck/data": "pool stuck is SUSPENDED"}
            assert [(e.resource, e.outcome) for e in run.events] == [
                ("container 113 ct113", "done")
            ]
            host.by_hand("mount", "-o", "remount,size=128M", str(place))
            host.by_hand("zpool", "clear", "stuck")
        assert left(host.run(text)) == []
    finally:
        subprocess.run(["mount", "-o", "remount,size=128M", place], check=False)
        subprocess.run(["zpool", "clear", "stuck"], check=False)
        subprocess.run(["zpool", "destroy", "-f", "stuck"], check=False)
        subprocess.run(["umount", place], check=False)
    settle(host)


def test_a_dataset_whose_key_is_not_loaded(host: Host) -> None:
    key = Path("/root/key")
    key.write_bytes(os.urandom(32))
    options = ("encryption=on", "keyformat=raw", f"keylocation=file://{key}")
    words = [word for option in options for word in ("-o", option)]
    host.by_hand("zfs", "create", *words, "tank/secret")
    Path("/tank/secret/precious").touch()
    host.by_hand("zfs", "unmount", "tank/secret")
    host.by_hand("zfs", "unload-key", "tank/secret")
    mount = '{ target = "/mnt/secret", source = "/tank/secret", dataset = "tank/secret" },\n]'
    text = SITE.rstrip("]\n") + "\n  " + mount
    text += '\n[[dataset]]\nname = "tank/secret"\n[[dataset]]\nname = "tank/secret/more"\n'
    run = host.run(text)
    for name, step in (("tank/secret", "mount"), ("tank/secret/more", "create")):
        result = run.results[f"dataset {name}", step]
        assert result.outcome is Outcome.BLOCKED
        assert "key of tank/secret is not loaded" in result.detail
    # Nothing is put in its place, and the container does not get the empty directory.
    assert list(Path("/tank/secret").iterdir()) == []
    assert "/mnt/secret" not in shown(host)
    host.by_hand("zfs", "load-key", "tank/secret")
    assert left(host.run(text, restarts=(113,))) == []
    assert Path("/tank/secret/precious").exists()
    settle(host)


def test_a_pool_is_full(host: Host) -> None:
    fill = Path("/fast/products/fill")
    with pytest.raises(OSError, match="No space left"):
        fill.write_bytes(os.urandom(256 << 20))
    text = SITE + '\n[[dataset]]\nname = "fast/more"\n'
    failed = host.run(text).results["dataset fast/more", "create"]
    assert failed.outcome is Outcome.FAILED
    assert "no space left" in failed.detail
    fill.unlink()
    host.by_hand("zpool", "sync", "fast")
    assert left(host.run(text)) == []
    settle(host)


def meddled(host: Host, meddle: Callable[[], object]) -> dying.Mortal:
    """The guest, on which somebody does something right before the agent's first step."""
    waiting = [meddle]

    def fate(action: Action) -> str:
        del action
        if waiting:
            waiting.pop()()
        return ""

    return dying.Mortal(host.rig.guest, fate)


def test_a_pool_is_exported_in_the_middle_of_a_run(host: Host) -> None:
    host.by_hand("pct", "stop", "113")
    text = SITE + '\n[[dataset]]\nname = "fast/late"\ndirectory = [{ path = "inner" }]\n'

    def export() -> None:
        host.by_hand("zpool", "export", "fast")

    run = host.run(text, managed=meddled(host, export))
    assert {event.outcome for event in run.events} == {"failed"}
    # Neither made on the root file system in place of the pool, nor started over nothing.
    assert not Path("/fast/products").exists()
    assert not Path("/fast/late").exists()
    assert host.effective(113, SITE) is None
    # Told of each dataset, and of the directory.
    assert {f.reason for f in run.plan.findings if f.state == "unknown"} == {
        "pool fast is not imported and writable"
    }
    host.by_hand("zpool", "import", "-d", "/root", "fast")
    assert left(host.run(text, restarts=(113,))) == []
    assert Path("/fast/late/inner").is_dir()
    settle(host)


@pytest.mark.parametrize("damage", [quorum.lost, quorum.unmounted])
def test_etc_pve_goes_in_the_middle_of_a_run(
    host: Host, damage: Callable[[], AbstractContextManager[None]]
) -> None:
    before = host.rig.read(113)
    text = SITE.replace('memory = "128"', 'memory = "160"')
    with contextlib.ExitStack() as stack:
        managed = meddled(host, lambda: stack.enter_context(damage()))
        run = host.run(text, managed=managed)
        assert {event.outcome for event in run.events} == {"failed"}
        quiet = host.run(text)
        assert quiet.events == []
        reasons = [step.reason for step in quiet.plan] + [f.reason for f in quiet.plan.findings]
        assert any("/etc/pve" in reason for reason in reasons)
    assert host.rig.read(113) == before
    assert left(host.run(text)) == []
    settle(host)


NAMES = ("a b", "-rf", "x:y", "a..b", "1.conf")
BYTES = b"description: \xff\xfe\x1b[2Jforged\nhostname: a\x07b\nmp0: /tank,mp=/\xe2\x80\xae\n\x00\n"


def test_names_and_bytes_that_deceive(host: Host) -> None:
    for name in NAMES:
        host.by_hand("zfs", "create", f"tank/off/{name}")
    host.rig.write(900, BYTES)
    host.rig.write(901, b"\x1b]0;x\x07: " * 100_000)
    host.rig.write(902, BYTES, kind="qemu-server")
    before = [host.rig.read(number) for number in (900, 901)]
    run = host.run(SITE)
    assert run.events == []
    assert left(run) == []
    reasons = "".join(finding.reason for finding in run.plan.findings)
    assert reasons.isprintable()
    strangers = {f.resource.key for f in run.plan.findings}
    assert strangers >= {f"dataset tank/off/{name}" for name in NAMES}
    assert [host.rig.read(number) for number in (900, 901)] == before
    settle(host)
