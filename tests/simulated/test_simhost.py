"""offctl-simhost, its zfs program, and hosts whose own files are damaged."""

import concurrent.futures
from pathlib import Path
import subprocess
import sys

import pytest

from offctl.errors import HostError
from offctl.observed import ObservedPool, Unknown
from offctl.planner import actions as act
from offctl_agent.simulated import faults, pools
from offctl_agent.simulated.__main__ import main
from simulated.scene import NOTHING, Scene

INIT = ("init", "--node", "off2", "--pool", "zfs-hdd", "--storage", "zfs-hdd=zfs-hdd/pve")


def _simhost(root: Path, *argv: str) -> int:
    return main([str(root), *argv])


def test_init_makes_an_empty_host_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _simhost(tmp_path, *INIT) == 0
    assert (tmp_path / "etc/pve/local").readlink() == Path("nodes/off2")
    assert _simhost(tmp_path, "zfs", "create", "zfs-hdd/off") == 0
    assert _simhost(tmp_path, "path", "/zfs-hdd/off/file") == 0
    Path(capsys.readouterr().out.strip()).write_text("kept")
    assert _simhost(tmp_path, *INIT) == 0
    assert _simhost(tmp_path, "zfs", "list", "-H", "-o", "name") == 0
    assert capsys.readouterr().out.split() == ["zfs-hdd", "zfs-hdd/off", "zfs-hdd/pve"]
    assert _simhost(tmp_path, "path", "/zfs-hdd/off/file") == 0
    assert Path(capsys.readouterr().out.strip()).read_text() == "kept"


def test_options_after_the_program_belong_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _simhost(tmp_path, *INIT)
    create = ("pct", "create", "101", "local:vztmpl/debian.tar.zst", "--rootfs", "zfs-hdd:1")
    assert _simhost(tmp_path, *create, "--hostname", "pct") == 0
    assert _simhost(tmp_path, "pct", "status", "101", "--verbose") == 0
    assert capsys.readouterr().out == "status: stopped\n"
    assert _simhost(tmp_path, "pct", "start", "999") != 0
    assert "999.conf' does not exist" in capsys.readouterr().err


def test_a_directory_that_is_no_host_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _simhost(tmp_path, "pct", "list") == 1
    assert "no simulated host" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_storage_without_pool_is_refused(tmp_path: Path) -> None:
    assert _simhost(tmp_path, "init", "--node", "x", "--storage", "a=nopool/pve") == 1


def test_it_starts_without_network_code() -> None:
    code = (
        "import sys, offctl_agent.simulated.__main__\n"
        "print([m for m in ('grpc', 'google.protobuf', 'ssl', 'http', 'sqlalchemy', 'rich')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("create tank/a/b", "parent does not exist"),
        ("create tank", "already exists"),
        ("create nopool/a", "no such pool 'nopool'"),
        ("create -o atime=maybe tank/a", "'atime' must be one of 'on | off'"),
        ("create -o atime=on -o atime=off tank/a", "specified multiple times"),
        ("create -o bogus=1 tank/a", "invalid property 'bogus'"),
        ("create -o quota=much tank/a", "bad numeric value 'much'"),
        ("create -x tank/a", "invalid option 'x'"),
        ("create tank/a@b", "invalid character '@' in name"),
        ("create", "missing dataset argument"),
        ("set atime=off tank/none", "dataset does not exist"),
        ("set tank", "missing property=value"),
        ("set used=1 tank", "'used' is readonly"),
        ("set casesensitivity=mixed tank", "'casesensitivity' is readonly"),
        ("inherit quota tank", "'quota' property cannot be inherited"),
        ("inherit -r atime tank", "missing property"),
        ("inherit bogus tank", "invalid property 'bogus'"),
        ("mount tank/off", "filesystem already mounted"),
        ("mount tank/none", "dataset does not exist"),
        ("unmount /tank/none", "not currently mounted"),
        ("rename tank/off other/off", "same pool"),
        ("rename tank/off tank/pve", "already exists"),
        ("rename tank/off tank/x/y", "parent does not exist"),
        ("rename tank other", "same pool"),
        ("receive tank/off", "exists"),
        ("receive tank/x/y", "dataset does not exist"),
        ("get bogus tank", "invalid property 'bogus'"),
        ("list tank/none", "dataset does not exist"),
        ("destroy -r tank/off", "unrecognized command 'destroy'"),
        ("rollback tank/off@x", "unrecognized command 'rollback'"),
    ],
)
def test_zfs_refuses(tmp_path: Path, argv: str, words: str) -> None:
    scene = Scene(tmp_path).prepared()
    assert scene.run("zfs", "create", "tank/off").code == 0
    before = scene.look()
    result = scene.run("zfs", *argv.split())
    assert result.code != 0
    assert words in result.stderr
    assert scene.look() == before


def test_zfs_get_prints_values_and_sources(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    scene.run("zfs", "create", "-o", "compress=gzip-6", "-o", "quota=1G", "tank/off")
    scene.run("zfs", "create", "tank/off/in")
    got = scene.run("zfs", "get", "-Hpr", "compression,quota,mountpoint", "tank/off").stdout
    assert [line.split("\t") for line in got.splitlines()] == [
        ["tank/off", "compression", "gzip", "local"],
        ["tank/off", "quota", "1073741824", "local"],
        ["tank/off", "mountpoint", "/tank/off", "default"],
        ["tank/off/in", "compression", "gzip", "inherited"],
        ["tank/off/in", "quota", "0", "default"],
        ["tank/off/in", "mountpoint", "/tank/off/in", "default"],
    ]


def test_moving_a_mountpoint_takes_files_and_children_along(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    for name in ("tank/off", "tank/off/in"):
        assert scene.run("zfs", "create", name).code == 0
        scene.machine.locate(f"/{name}/file").write_text(name)
    assert scene.run("zfs", "set", "mountpoint=/srv/off", "tank/off").code == 0
    assert scene.machine.locate("/srv/off/file").read_text() == "tank/off"
    assert scene.machine.locate("/srv/off/in/file").read_text() == "tank/off/in"
    assert not scene.machine.locate("/tank/off").exists()
    assert scene.run("zfs", "rename", "tank/off", "tank/new").code == 0
    assert scene.run("zfs", "inherit", "mountpoint", "tank/new").code == 0
    assert scene.machine.locate("/tank/new/in/file").read_text() == "tank/off/in"


def test_overlay_off_refuses_a_directory_with_files(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    scene.run("zfs", "create", "-o", "overlay=off", "tank/off")
    scene.run("zfs", "unmount", "tank/off")
    scene.machine.locate("/tank/off/stray").write_text("")
    assert "directory is not empty" in scene.run("zfs", "mount", "tank/off").stderr
    scene.run("zfs", "set", "overlay=on", "tank/off")
    assert scene.run("zfs", "mount", "tank/off").code == 0


@pytest.mark.parametrize(
    "content",
    [
        "no_quorum = 1",
        "bogus = true",
        "[pools.tank]\nstate = 'burnt'",
        "[[command]]\nargv = 'pct'",
        "[[hang]]\nargv = ['pct']\nbogus = 1",
        "not toml",
    ],
)
def test_faults_are_read_strictly(tmp_path: Path, content: str) -> None:
    scene = Scene(tmp_path).prepared()
    (tmp_path / faults.NAME).write_text(content)
    assert isinstance(scene.look().datasets, Unknown)
    with pytest.raises(HostError):
        scene.host.execute(act.SetProperties("tank", (("atime", "off"),)))


def test_no_faults_in_an_empty_file() -> None:
    assert faults.parse(b"  \n") == faults.parse(None) == faults.Faults()


@pytest.mark.parametrize(
    ("name", "part"),
    [("zfs/tank.json", "datasets"), ("run/mounts.json", "datasets"), ("etc/pve/local", "guests")],
)
@pytest.mark.parametrize("content", ["", "{", "[]", '{"free": 1, "datasets": {"tank": {}}}'])
def test_damage_is_unknown(tmp_path: Path, name: str, part: str, content: str) -> None:
    scene = Scene(tmp_path).prepared()
    if name == "run/mounts.json" and content in ("", "[]"):
        content = "[{}]"
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(content)
    assert isinstance(getattr(scene.look(), part), Unknown)


def test_a_damaged_running_state_is_unknown_for_that_container_only(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    for number in ("101", "102"):
        scene.run("pct", "create", number, "local:vztmpl/d.tar.zst", "--rootfs", "local-zfs:1")
    (tmp_path / "run/containers/101.json").write_text("{")
    found = scene.look().containers
    assert isinstance(found, tuple)
    assert isinstance(found[0], tuple)
    assert found[0][0] == 101
    assert not isinstance(found[1], tuple)


def test_no_directory_at_all_is_unknown(tmp_path: Path) -> None:
    seen = Scene(tmp_path / "missing").host.observe(NOTHING)
    assert isinstance(seen.pools, Unknown)
    assert isinstance(seen.containers, Unknown)
    assert seen.writable


def test_another_node_s_directory_is_unknown(tmp_path: Path) -> None:
    Scene(tmp_path).prepared()
    (tmp_path / "etc/pve/local").unlink()
    (tmp_path / "etc/pve/local").symlink_to("nodes/other")
    assert isinstance(Scene(tmp_path).look().containers, Unknown)


def test_observing_writes_nothing(tmp_path: Path) -> None:
    Scene(tmp_path).prepared()
    seen: list[str] = []
    Scene(tmp_path, step=seen.append).look()
    assert seen == []


def test_commands_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    scene.run("pct", "create", "101", "local:vztmpl/d.tar.zst", "--rootfs", "local-zfs:1")

    def mounts(first: int) -> None:
        for index in range(first, 12, 3):
            assert scene.run("pct", "set", "101", f"--mp{index}", f"/a{index},mp=/b").code == 0
            assert scene.run("zfs", "create", f"tank/set{index}").code == 0

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(mounts, first) for first in range(3)]:
            done.result(timeout=60)
    lines = scene.conf().read_text().splitlines()
    assert len([line for line in lines if line.startswith("mp")]) == 12
    names = scene.run("zfs", "list", "-H", "-o", "name").stdout.split()
    assert len([name for name in names if name.startswith("tank/set")]) == 12
    mounted = scene.run("zfs", "mount").stdout.split()
    assert len([word for word in mounted if word.startswith("/tank/set")]) == 12


def test_zfs_list_has_columns_for_people_and_programs(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    scene.run("zfs", "create", "tank/off")
    scene.run("zfs", "unmount", "tank/off")
    header, *rows = scene.run("zfs", "list").stdout.splitlines()
    assert header.split() == ["NAME", "USED", "AVAIL", "REFER", "MOUNTPOINT"]
    assert [row.split()[0] for row in rows] == ["tank", "tank/off", "tank/pve"]
    wanted = ("zfs", "list", "-Hp", "-r", "-o", "name,mounted,atime,type", "tank/off")
    assert scene.run(*wanted).stdout == "tank/off\tno\ton\tfilesystem\n"
    everything = scene.run("zfs", "get", "-H", "-o", "property", "all", "tank/off").stdout.split()
    assert {"atime", "mountpoint", "quota"} <= set(everything)


def test_a_simulated_pool_says_how_it_is(tmp_path: Path) -> None:
    scene = Scene(tmp_path).prepared()
    assert scene.look().space == (ObservedPool("tank", "ONLINE", 0, pools.FREE, 0),)
    pool = scene.machine.pools()["tank"]
    pool.used, pool.snapshots = 5 << 40, 1772366400
    pools.save(scene.machine.store, pool)
    (tmp_path / "faults.toml").write_text('[pools.tank]\nstate = "degraded"\n')
    seen = scene.look()
    assert seen.space == (ObservedPool("tank", "DEGRADED", 5 << 40, pools.FREE, 1772366400),)
    # It takes changes all the same, as a real one does.
    assert seen.pools == (("tank", pools.FREE),)
    assert scene.run("zfs", "create", "tank/a").code == 0
    (tmp_path / "faults.toml").write_text('[pools.tank]\nstate = "missing"\n')
    assert scene.look().space == ()
    (tmp_path / "faults.toml").write_text('zfs_unreadable = "no"\n')
    assert scene.look().space == ()
