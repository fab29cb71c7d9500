"""What runs, told by files of the kernel that hold whatever a stranger has put there."""

from pathlib import Path

import pytest

from offctl import errors
from offctl_agent.proxmox import cgroups, services
from offctl_agent.proxmox.running import Running

LISTENS = "0000000000000000: 00000002 00000000 00010000 0001 01 24{0} @/var/lib/lxc/{0}/command\n"
HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"


class Scene:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.running = Running(root, pause=0)
        self.sockets(HEAD)

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def sockets(self, content: str | bytes) -> None:
        self.write("proc/net/unix", content)

    def group(self, name: str, pids: str = "", *, events: str = "populated 1\n") -> None:
        self.write(f"sys/fs/cgroup/{name}/cgroup.procs", pids)
        if events:
            self.write(f"sys/fs/cgroup/{name}/cgroup.events", events)

    def process(self, pid: int, nspid: str) -> None:
        self.write(f"proc/{pid}/status", f"Name:\tx\nNSpid:\t{nspid}\nThreads:\t1\n")

    def up(self, number: int, group: str = "lxc/{}/ns/init.scope") -> None:
        name = group.format(number)
        parts = name.split("/")
        for length in range(2, len(parts)):
            self.group("/".join(parts[:length]))
        self.group(name, f"{number}\n")
        self.process(number, f"{number}\t1")
        self.sockets(HEAD + LISTENS.format(number))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    "group",
    [
        "lxc/{}/ns/init.scope",
        "lxc/{}/ns",
        "lxc/{}",
        "lxc.payload.{}/init.scope",
        "lxc.payload.{}",
        "lxc.payload.{}-2/init.scope",
        "unified/lxc/{}/init.scope",
        "systemd/lxc/{}",
    ],
)
def test_a_container_is_found_wherever_lxc_puts_it(scene: Scene, group: str) -> None:
    scene.up(101, group)
    assert scene.running.running(101)
    with scene.running.init(101) as init:
        assert init.number == 101


def test_nothing_runs_on_a_quiet_host(scene: Scene) -> None:
    assert not scene.running.running(101)
    assert scene.running.monitored() == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        "0: 00000002 00000000 00000000 0001 01 1 @/var/lib/lxc/101/command",  # a client
        "0: 00000002 00000000 00010000 0001 01 1 /var/lib/lxc/101/command",  # a file, not abstract
        "0: 00000002 00000000 00010000 0001 01 1 @/var/lib/lxc/101/command2",
        "0: 00000002 00000000 00010000 0001 01 1 @/var/lib/lxc/0101/command",
        "0: 00000002 00000000 00010000 0001 01 1 @/tmp/var/lib/lxc/101/command",
        "0: 00000002 00000000 00010000 0001 01 1 @x @/var/lib/lxc/101/command",
        "@/var/lib/lxc/101/command",
    ],
)
def test_other_sockets_are_no_monitor(scene: Scene, line: str) -> None:
    scene.sockets(HEAD + line + "\n")
    assert not scene.running.running(101)


def test_names_of_strange_bytes_harm_nobody(scene: Scene) -> None:
    scene.up(101)
    odd = HEAD.encode() + b"0: 2 0 00010000 1 1 7 @\xff\xfe\x00\x1b[31m\n\n \n"
    scene.sockets(odd + LISTENS.format(101).encode() + b"torn")
    assert scene.running.running(101)


def test_a_monitor_without_processes_is_neither_up_nor_down(scene: Scene) -> None:
    scene.sockets(HEAD + LISTENS.format(101))
    with pytest.raises(errors.AdminError, match="just starting or stopping"):
        scene.running.running(101)


def test_processes_without_a_monitor_are_not_stopped(scene: Scene) -> None:
    scene.group("lxc/101/ns", "7\n")
    with pytest.raises(errors.AdminError, match="nothing watches over them"):
        scene.running.running(101)


def test_an_empty_group_that_was_left_behind_is_not_running(scene: Scene) -> None:
    scene.group("lxc/101/ns", events="populated 0\nfrozen 0\n")
    assert not scene.running.running(101)


def test_sockets_that_cannot_be_read_are_not_absent(scene: Scene) -> None:
    (scene.root / "proc/net/unix").unlink()
    with pytest.raises(errors.AdminError, match="no such file"):
        scene.running.running(101)


@pytest.mark.parametrize(
    "nspid",
    ["101", "101\t2", "101\t7\t1", "", "x\t1", "101\t1\t1"],
    ids=["of the host", "no init", "nested", "none", "odd", "nested init"],
)
def test_other_processes_are_no_init(scene: Scene, nspid: str) -> None:
    scene.up(101)
    scene.process(101, nspid)
    with (
        pytest.raises(errors.AdminError, match="cannot find the init"),
        scene.running.init(101),
    ):
        pass


def test_processes_that_end_meanwhile_are_passed_over(scene: Scene) -> None:
    scene.up(101)
    scene.group("lxc/101/ns/init.scope", "99999\nrubbish\n\n-1\n101\n1234567890123\n")
    with scene.running.init(101) as init:
        assert init.number == 101


def test_a_tree_without_end_is_not_followed_to_it(scene: Scene) -> None:
    for number in range(30):
        for inner in range(200):
            (scene.root / f"sys/fs/cgroup/lxc/101/ns/a{number}/b{inner}").mkdir(parents=True)
    top = scene.root / "sys/fs/cgroup/lxc/101"
    assert sum(1 for _ in cgroups.walk(top)) == cgroups.MAX_GROUPS


def test_links_in_a_tree_are_not_followed(scene: Scene) -> None:
    scene.up(101)
    top = scene.root / "sys/fs/cgroup/lxc/101"
    (top / "loop").symlink_to(top)
    assert len(list(cgroups.walk(top))) == 3


def test_services_are_those_whose_group_holds_a_process(scene: Scene) -> None:
    scene.up(101)
    inside = "lxc/101/ns/system.slice"
    scene.group(inside)
    scene.group(f"{inside}/nginx.service", "7\n")
    scene.group(f"{inside}/apache2.service", events="populated 0\n")
    scene.group(f"{inside}/system-stunnel.slice/stunnel@off.service", "8\n")
    scene.group(f"{inside}/_cpu.service", "9\n")
    wanted = (
        "apache2.service",
        "backup.timer",
        "cpu.service",
        "nginx.service",
        "nowhere.service",
        "stunnel@off.service",
    )
    found = services.states(scene.running.groups(101), wanted)
    assert found == (
        ("apache2.service", services.NOT_RUNNING),
        ("cpu.service", "running"),
        ("nginx.service", "running"),
        ("nowhere.service", services.NOT_RUNNING),
        ("stunnel@off.service", "running"),
    )


def test_services_of_older_hierarchies_are_counted_by_their_processes(scene: Scene) -> None:
    scene.group("lxc/101/system.slice/nginx.service", "7\n", events="")
    scene.group("lxc/101/system.slice/apache2.service", "", events="")
    group = scene.root / "sys/fs/cgroup/lxc/101"
    found = services.states([group], ["nginx.service", "apache2.service"])
    assert found == (
        ("apache2.service", services.NOT_RUNNING),
        ("nginx.service", "running"),
    )
