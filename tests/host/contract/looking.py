"""Looking at a host changes nothing and loses nothing."""

from host.contract.scene import (
    CT,
    changed,
    configuration,
    container,
    create,
    look,
    make,
    mounts,
    refused,
    source,
    standing,
    with_mount,
)
from host.rig import Rig
from offctl.desired.model import Access
from offctl.planner import actions as act


class LookingContract:
    def test_an_empty_host_is_empty_not_unknown(self, rig: Rig) -> None:
        seen = look(rig)
        assert seen.containers == ()
        assert seen.guests == ()
        assert seen.writable == ""
        assert isinstance(seen.pools, tuple)
        assert [name for name, free in seen.pools if free > 0] == [rig.pool]
        assert seen.subids == (("u", 100000, 65536), ("g", 100000, 65536))

    def test_guests_of_other_nodes_and_machines_are_told(self, rig: Rig) -> None:
        rig.write(300, b"memory: 512\n", node="elsewhere")
        rig.write(200, b"memory: 512\n", kind="qemu-server")
        create(rig)
        found = look(rig).guests
        assert isinstance(found, tuple)
        assert [(number, kind) for number, kind, _ in found] == [(200, "qemu"), (300, "lxc")]

    def test_looking_twice_gives_the_same(self, rig: Rig) -> None:
        make(rig, "off", atime="off")
        create(rig)
        assert standing(rig) == standing(rig)

    def test_what_is_not_ours_survives(self, rig: Rig) -> None:
        create(rig)
        rig.write(
            CT, rig.read(CT) + b"foo: bar\nlxc.cap.drop: mknod\n#by hand\n\n[s1]\nmemory: 1\n"
        )
        rig.host.execute(changed(rig, {"memory": "600"}))
        content = rig.read(CT)
        assert content.startswith(b"#by hand\n")
        assert b"foo: bar\n" in content
        assert content.endswith(b"lxc.cap.drop: mknod\n\n[s1]\nmemory: 1\n")

    def test_unreadable_lines_are_told(self, rig: Rig) -> None:
        create(rig)
        rig.write(CT, rig.read(CT) + b"memory=600\n")
        assert configuration(rig).complaints == ("memory=600",)

    def test_a_stop_by_hand_is_seen(self, rig: Rig) -> None:
        create(rig)
        rig.host.execute(act.StartContainer(CT, ()))
        assert rig.run("pct", "stop", str(CT)) == 0
        assert not container(rig).running

    def test_a_lock_left_by_a_killed_create_is_seen(self, rig: Rig) -> None:
        rig.write(CT, b"lock: create\n")
        assert configuration(rig).lock == "create"
        refused(rig, act.StartContainer(CT, ()), "LOCKED")

    def test_no_file_of_ours_is_ever_lost(self, rig: Rig) -> None:
        name = with_mount(rig)
        rig.put(f"/{name}/precious", "data")
        rig.host.execute(act.StartContainer(CT, (source(rig, "off"),)))
        rig.host.execute(act.SetProperties(name, (("atime", "off"), ("readonly", "off"))))
        rig.host.execute(act.SetAccess(name, f"/{name}", "", Access(1000, 1000, 0o700)))
        rig.host.execute(changed(rig, delete=("mp0",)))
        rig.host.execute(act.RestartContainer(CT, ()))
        assert mounts(rig) == {}
        assert rig.get(f"/{name}/precious") == "data"
