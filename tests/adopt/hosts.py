"""Simulated hosts as people leave them: everything odd, hostile, half done, on one machine.

Made from one random source alone, so that a seed is a host. What a program refuses was refused.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from random import Random

from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.host import SimulatedHost

NODE = "off2"
SECRET = "c:pwgenmadethis0123456789abcdefg"
# What people write into a container's file where it does not belong.
PASSWORD = "hunter2correcthorse"
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
NUMBERS = (101, 103, 110, 113, 114, 120)

PROPERTIES = (
    *("atime=off", "compression=zstd", "quota=10G", "recordsize=1M", "sync=disabled"),
    *("sharenfs=rw=@10.0.0.1/32", "sharenfs=on", "sharenfs=rw=@0.0.0.0/0", "canmount=off"),
    *("canmount=noauto", "mountpoint=/srv/elsewhere", "mountpoint=none", "mountpoint=/a,b"),
    *("com.sun:auto-snapshot=true", "org.offctl:name=x", "xattr=sa", "readonly=on", "copies=2"),
    *("mountpoint=legacy", "mountpoint=/zfs-hdd/off/products", "refquota=12345678"),
)
NAMES = (
    *("off", "off/products", "off/images", "off/users", "off/cache", "off-pro", "off-pro/images"),
    *(
        "backups",
        "backups/deep/er",
        "with space",
        "with:colon",
        "data",
        "x.y_z",
        "off/products-old",
    ),
    *("ROOT", "ROOT/pve-1", "pve/mine"),
)
OPTIONS = (
    *("cores: 4", "cores: 0", "cores: 08", "memory: 2048", "memory: 8", "memory: 512.0", "swap: 0"),
    *("swap: 99999999999999999999", "onboot: 1", "onboot: yes", "onboot: maybe", "protection: 1"),
    *("protection: off", "features: nesting=1,keyctl=1", "features: nesting=1,mount=nfs;cifs"),
    *(
        "features: ",
        "features: new=1",
        "tags: prod;web",
        "tags: B,a",
        "nameserver: 1.1.1.1 9.9.9.9",
    ),
    *("nameserver: 1.1.1.1,1.1.1.1", "searchdomain: example.org", "startup: order=1,up=30"),
    *("startup: 2", "startup: nonsense", "tty: 2", "cmode: shell", "console: 0", "cpulimit: 0.50"),
    *("cpulimit: 2", "cpuunits: 100", "cpuunits: 500000", "hookscript: local:snippets/h.pl"),
    *("timezone: Europe/Paris", "timezone: Mars/Base", "dev0: /dev/fuse", "dev1: /dev/x,mode=0660"),
    *("foo: bar", "mp256: /srv,mp=/x", "unused0: zfs-hdd:subvol-1-disk-9", "lock: backup"),
    *(
        "parent: before",
        "debug: 1",
        "template: 1",
        "arch: amd64",
        "ostype: debian",
        f"env: DB_PASSWORD={PASSWORD}",
    ),
    *("hostname: UPPER", "hostname: -bad", "hostname: a b", "hostname: default", "hostname: off"),
    *(
        "#a note",
        "# two\n# lines",
        "#caf%C3%A9 100%25",
        "#\n#blank first",
        "#default",
        "#%00%1b[31m",
    ),
    *("memory=512", "Memory: 512", "[a b]", "description: said%0Aagain", "memory:\t1024", "mp1"),
    *(f"Env: DB_PASSWORD={PASSWORD}", f"DB_PASSWORD={PASSWORD}", f" # note: {PASSWORD}"),
    *(f"entrypoint: /sbin/init {PASSWORD}", f"secret: {PASSWORD}", f"cores: {PASSWORD}"),
    *(f"rootfs: {PASSWORD},{PASSWORD}", f"net3: {PASSWORD}", f"lock: {PASSWORD}"),
    *(f"hostname: {PASSWORD} {PASSWORD}", f"hookscript: {PASSWORD}"),
    *("lxc.mount.entry: /a b none bind 0 0", "lxc.cgroup2.memory.max: 1", "lxc.foo.bar: 1"),
    *("lxc.idmap: u 0 100000 65536", "lxc.idmap = g 0 100000 65536", "lxc.idmap: u 0 100000 999"),
    *("delete: mp0", "lxc.environment.runtime: A=b", "entrypoint: /sbin/init"),
)
IDMAPS = (
    *("",) * 3,
    "lxc.idmap: u 0 100000 65536\nlxc.idmap: g 0 100000 65536\n",
    "lxc.idmap: u 0 100000 1000\nlxc.idmap: g 0 100000 1000\nlxc.idmap: u 1000 1000 64536\n"
    "lxc.idmap: g 1000 1000 64536\n",
    "lxc.idmap = g 0 100000 1000\nlxc.idmap: u   0 100000 1000\nlxc.idmap: u 1000 1000 10\n"
    "lxc.idmap: g 1000 1000 64536\nlxc.idmap: u 1010 101010 64526\n",
    "lxc.idmap: u 0 100000 999\nlxc.idmap: g 0 100000 65536\nlxc.idmap: u 1000 1000 64536\n",
    "lxc.idmap: u 0 200000 65536\nlxc.idmap: g 0 200000 65536\n",
    "lxc.idmap: nonsense\n",
)
NETWORKS = (
    "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:{n:02X},ip=10.1.0.{n}/24,type=veth",
    "name=eth0,bridge=vmbr1,firewall=1,gw=10.0.0.2,hwaddr=BC:24:11:00:00:{n:02X},ip=10.1.0.{n}/24",
    "name=eth1,bridge=vmbr0,gw=213.36.253.222,ip=213.36.253.{n}/27,mtu=1500,rate=100,tag=12",
    "name=eth0,bridge=vmbr0,ip=dhcp,ip6=auto,link_down=1",
    "name=eth2,bridge=vmbr0,trunks=1;2",
    "name=eth1,bridge=vmbr0,ip=10.1.0.1/24,hwaddr=BC:24:11:00:00:01",
    "name=eth0,ip6=fd28:7f08:b8fe:0::{n}/64,bridge=vmbr1,gw6=fd28:7f08:b8fe:0::1",
    "nonsense",
    "name=eth0,bridge=vmbr0,rate=1.50,mtu=0100",
    "bridge=vmbr0,name=a/b",
)
MOUNTS = (
    *("{path},mp=/mnt/a", "{path}/,mp=/mnt/a/", "{path},mp=/mnt/a/deep,ro=1", "{path},mp=/mnt/b"),
    *("{path}/cache,mp=/mnt/c,backup=0", "{path}//sub,mp=//mnt//d,shared=1", "{path},mp=/etc"),
    *("{path},mp=/mnt/e,mountoptions=nosuid;noatime", "{path},mp=/mnt/f,quota=1", "{path}"),
    *("{path}/none,mp=/mnt/g", "/root,mp=/mnt/h", "/dev/sdz,mp=/mnt/i", "{path}/a=b,mp=/mnt/j"),
    *("{path}/é,mp=/mnt/k", "{path}/../x,mp=/mnt/l", "{path},mp=/mnt/../m", "{path},mp=/mnt/n,x=1"),
    *("mp=/mnt/o,volume={path}", "{path},mp=/mnt/a,replicate=0", "{path},mp=/mnt/p,backup=1"),
    *("zfs-hdd:subvol-{n}-disk-5,mp=/v,size=1G", "zfs-hdd:subvol-{n}-disk-5,mp=/v/w,backup=1"),
    *("nowhere:subvol-{n}-disk-6,mp=/u,size=2G", "zfs-hdd:subvol-{n}-disk-5,mp=/t,size=512M,acl=1"),
    *("{path},mp=/dev/shm", "{path},mp=/mnt/products", "{path}/products,mp=/mnt/a/products"),
)
ROOTS = (
    "zfs-hdd:subvol-{n}-disk-0,size=8G",
    "zfs-hdd:subvol-{n}-disk-0,size=30G,mountoptions=noatime",
    "zfs-hdd:subvol-{n}-disk-0",
    "zfs-hdd:subvol-{n}-disk-0,size=512M",
    "local:{n}/vm.raw,size=4G",
    "size=8G",
)
STUNNELS = (
    "[Redis]\nclient = yes\naccept = 10.1.0.{n}:6379\nconnect = proxy2.example.org:6379\n",
    "[MongoDB]\naccept = 27017\nconnect = 10.1.0.102:27017\n",
    "[Far]\nclient=yes\naccept  =  127.0.0.1:16000\nconnect = 2a06:c484:5::102:16000\n",
    "[Open]\nclient = yes\naccept = 0.0.0.0:6380\nconnect = a.example.org:6379\n",
    "[Out]\naccept = 8080\nconnect = 8.8.8.8:80\n",
    "[Brackets]\nclient = yes\naccept = 10.1.0.{n}:99\nconnect = [2a06::1]:99\n",
    "[a b]\naccept = 1\nconnect = localhost:1\n",
    "[Plain]\naccept = 1234\nconnect = mongodb:27017\n",
)


@dataclass(frozen=True, slots=True)
class Live:
    """A generated host, and the random source it came from."""

    root: Path
    host: SimulatedHost


def make(root: Path, seed: int, node: str = NODE) -> Live:
    """The host of a seed."""
    random = Random(seed)
    host = SimulatedHost(root, node, random=random.randbytes)
    live = Live(root, host)
    pools = ["zfs-hdd", *random.sample(["zfs-nvme", "rpool"], random.randint(0, 2))]
    storage = random.choice(["zfs-hdd/pve", "zfs-hdd/pve", "zfs-hdd"])
    layout.create(host.machine, imported=pools, storages={"zfs-hdd": storage})
    _ids(live, random)
    _datasets(live, pools, random)
    paths = _directories(live, random)
    for number in random.sample(NUMBERS, random.randint(1, 5)):
        _container(live, number, storage, paths, random)
    if random.random() < 0.3:
        path = root / "etc/pve/nodes" / random.choice([node, "other"]) / "qemu-server/200.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("memory: 512\n")
    if random.random() < 0.1:
        _fault(live, random)
    return live


def run(live: Live, *argv: str) -> bool:
    return programs.run(live.host.machine, list(argv)).code == 0


def _ids(live: Live, random: Random) -> None:
    for name in ("subuid", "subgid"):
        lines = ["root:100000:65536", "root:1000:64536", "off:1:1"]
        if random.random() < 0.1:
            lines.pop(random.randrange(2))
        (live.root / "etc" / name).write_text("\n".join(lines) + "\n")


def _datasets(live: Live, pools: list[str], random: Random) -> None:
    for name in random.sample(NAMES, random.randint(2, len(NAMES))):
        words = [
            word
            for setting in random.sample(PROPERTIES, random.choice([0, 0, 0, 1, 2]))
            for word in ("-o", setting)
        ]
        run(live, "zfs", "create", "-p", *words, f"{random.choice(pools)}/{name}")
    for _ in range(random.randint(0, 3)):
        every = sorted(_mounted(live))
        if not every:
            return
        victim = random.choice(every)
        act = random.choice(["set", "unmount", "set", "receive"])
        if act == "set":
            run(live, "zfs", "set", random.choice(PROPERTIES), victim)
        elif act == "unmount":
            run(live, "zfs", "unmount", victim)


def _mounted(live: Live) -> dict[str, str]:
    found = live.host.machine.pools()
    table = live.host.machine.mounts()
    return {
        name: here.path
        for pool in found.values()
        for name, dataset in pool.datasets.items()
        if (here := table.of(dataset.guid)) is not None
    }


def _directories(live: Live, random: Random) -> list[str]:
    machine = live.host.machine
    for path in _mounted(live).values():
        for inner in ("", "/cache", "/sub", "/products"):
            if inner and random.random() < 0.5:
                continue
            place = machine.mounts().place(path + inner)
            with machine.store.locked():
                machine.make_place(place)
                if random.random() < 0.6:
                    uid, gid = random.choices([0, 33, 1000, 100000, 100108, 4294967], k=2)
                    machine.set_owner(place, (uid, gid, random.choice([0o755, 0o700, 0o2770])))
    return sorted({"/zfs-hdd", *_mounted(live).values()})


def _container(live: Live, number: int, storage: str, paths: list[str], random: Random) -> None:
    for disk in (0, 5):
        if random.random() < 0.9:
            run(
                live, "zfs", "create", "-o", "refquota=8G", f"{storage}/subvol-{number}-disk-{disk}"
            )
    idmap = random.choice(IDMAPS)
    text = [f"hostname: ct-{number}", f"rootfs: {random.choice(ROOTS[:3]).format(n=number)}"]
    text += ["memory: 512", "swap: 0", f"unprivileged: {random.choice([1, 1, 1, 0])}"]
    text += _numbered("net", random.sample(NETWORKS, random.randint(0, 3)), number, "", random)
    for index in random.sample(range(12), random.choice([0, 1, 2, 4, 8])):
        line = random.choice(MOUNTS).format(path=random.choice(paths), n=number)
        text.append(f"mp{index}: {line}")
    _write(live, number, "\n".join(text) + f"\n{idmap}")
    if random.random() < 0.6:
        run(live, "pct", "start", str(number))
    if random.random() < 0.15:
        text[1] = f"rootfs: {random.choice(ROOTS).format(n=number)}"
    text += random.sample(OPTIONS, random.choice([0, 0, 1, 2, 6]))
    tail = idmap if random.random() < 0.9 else random.choice(IDMAPS)
    if random.random() < 0.15:
        mount = random.choice(MOUNTS).format(path=random.choice(paths), n=number)
        pending = ["cores: 2", "delete: swap", "net0: name=eth9,bridge=vmbr0", f"mp0: {mount}"]
        tail += "\n[pve:pending]\n" + "\n".join(random.sample(pending, random.randint(1, 3))) + "\n"
    if random.random() < 0.3:
        tail += "\n[before]\n#said before\nmemory: 256\nmp0: /old,mp=/old\nsnaptime: 1700000000\n"
    _write(live, number, "\n".join(text) + f"\n{tail}")
    if random.random() < 0.4:
        _stunnel(live, number, random)


def _numbered(word: str, lines: list[str], number: int, path: str, random: Random) -> list[str]:
    indexes = random.sample(range(4), len(lines))
    return [
        f"{word}{index}: {line.format(n=number, path=path)}"
        for index, line in zip(indexes, lines, strict=True)
    ]


def _write(live: Live, number: int, text: str) -> None:
    path = live.root / f"etc/pve/lxc/{number}.conf"
    path.write_bytes(text.encode("latin-1" if "é" in text else "utf-8"))


def _stunnel(live: Live, number: int, random: Random) -> None:
    inside = live.root / f"inside/{number}/etc/stunnel"
    (inside / "psk").mkdir(parents=True)
    (inside / "psk/psk.txt").write_text(SECRET + "\n")
    (inside / "psk/psk.txt").chmod(random.choice([0o600, 0o600, 0o600, 0o644]))
    sections = [each.format(n=number) for each in _sections(random)]
    key = random.choice(["PSKsecrets = /etc/stunnel/psk/psk.txt\n"] * 4 + ["cert = /x.pem\n"])
    (inside / "off.conf").write_text("setuid = stunnel4\n" + "".join(s + key for s in sections))
    accepts = [s.partition("accept")[2].partition("=")[2].split()[0] for s in sections]
    sockets = [a if ":" in a else f"0.0.0.0:{a}" for a in accepts]
    if random.random() < 0.1:
        sockets.append("0.0.0.0:31337")
    path = random.choice(["/etc/stunnel/off.conf"] * 5 + ["/etc/stunnel/offctl/off/off.conf", "/x"])
    running = live.root / f"run/stunnel/{number}.json"
    running.parent.mkdir(parents=True, exist_ok=True)
    running.write_text(json.dumps({path: sockets}))


def _sections(random: Random) -> list[str]:
    """Mostly such as can be kept."""
    fine = random.sample(STUNNELS[:3], random.randint(1, 3))
    return fine + random.sample(STUNNELS[3:], random.choice([0, 0, 0, 1]))


def _fault(live: Live, random: Random) -> None:
    text = random.choice(
        [
            "no_quorum = true\n",
            "pve_not_mounted = true\n",
            'zfs_unreadable = "broken"\n',
            '[pools.zfs-hdd]\nstate = "readonly"\n',
            'tunnels_broken = ["127.0.0.1:16000"]\n',
        ]
    )
    (live.root / "faults.toml").write_text(text)
