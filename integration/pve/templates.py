"""Container templates made of the machine's own programs.

`debian-12-tiny` calls itself Debian; busybox, and an init that ends at once when told to.
`alpine-3-tiny` calls itself Alpine; busybox and its init.
`debian-12-systemd` runs systemd, on the machine's own /usr, which is bound read-only.
All have a web page, for what PVE does to bind mounts when it unpacks a template through them.
"""

import io
from pathlib import Path
import tarfile

from integration.pct import mounting

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")
APPLETS = """
ash awk cat chmod chown cp date df echo env false grep head hostname id ifconfig init ip
kill ln ls mkdir mount mv nc ping ps pwd rm route sed sh sleep sort stat tail test touch
tr true umount uname wc
""".split()
FOLDERS = "bin dev etc etc/network mnt proc root run sbin srv sys tmp usr var var/lib".split()
# busybox has an ifup, which wants more around it than such a tree has.
NETWORK = """\
#!/bin/sh
while read -r word value rest; do
    case $word in
        iface) device=$value; ip link set "$device" up ;;
        address) address=$value ;;
        netmask) ip address add "$address/$value" dev "$device" ;;
        gateway) ip route add default via "$value" dev "$device" ;;
    esac
done </etc/network/interfaces
"""
INIT = """\
#!/bin/sh
trap 'exit 0' PWR TERM INT
/sbin/network
while true; do sleep 3600 & wait $!; done
"""
INITTAB = "::sysinit:/sbin/network\n::respawn:/bin/sleep 3600\n"
INTERFACES = "auto lo\niface lo inet loopback\n"
# Where /usr is not ours: the same program, and the unit that runs it.
UP = "etc/network/up"
UP_UNIT = f"""\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /{UP}

[Install]
WantedBy=multi-user.target
"""
# Units that have no business in such a container, or nothing to work with.
MASKED = """
apt-daily-upgrade.timer apt-daily.timer console-getty.service container-getty@.service
dev-hugepages.mount dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
getty.target lxc-monitord.service lxc-net.service lxc.service nftables.service rig-agent.service
sys-kernel-debug.mount systemd-binfmt.service systemd-firstboot.service
systemd-journald-audit.socket systemd-logind.service systemd-networkd.service
systemd-pcrphase-sysinit.service systemd-pcrphase.service systemd-resolved.service
systemd-sysext.service systemd-timesyncd.service systemd-udevd.service zfs-import.target
zfs-mount.service zfs-share.service zfs-volume-wait.service zfs-zed.service zfs.target
""".split()
SYSTEMD = {
    "etc/debian_version": "12.5\n",
    "etc/hostname": "systemd\n",
    # Empty, not missing: systemd makes one up and does not take this for a first boot, which asks.
    "etc/machine-id": "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/systemd/system/network-up.service": UP_UNIT,
    UP: NETWORK,
    mounting.OF_THE_HOST: "",
}
SYSTEMD_LINKS = {
    **{name: f"usr/{name}" for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin")},
    **{f"etc/systemd/system/{name}": "/dev/null" for name in MASKED},
    "etc/os-release": "../usr/lib/os-release",
    "etc/systemd/system/multi-user.target.wants/network-up.service": "../network-up.service",
    "etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
    "var/run": "../run",
}
COMMON = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\n",
    "etc/network/interfaces": INTERFACES,
    "sbin/network": NETWORK,
    "var/www/html/index.html": "<p>from the template\n",
    "srv/data/file-from-template": "from the template\n",
}
OWNERS = {"var/www/html": 33, "var/www/html/index.html": 33}


def make(folder: Path) -> None:
    """Write the templates that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    debian = {"etc/debian_version": "12.5\n", "etc/hostname": "tiny\n", "sbin/init": INIT}
    alpine = {"etc/alpine-release": "3.19.0\n", "etc/inittab": INITTAB}
    busybox = {f"bin/{applet}": "busybox" for applet in APPLETS} | {"var/run": "../run"}
    _write(folder / "debian-12-tiny_12.5-1_amd64.tar.gz", COMMON | debian, busybox)
    init = {"sbin/init": "../bin/busybox"}
    _write(folder / "alpine-3-tiny_3.19-1_amd64.tar.gz", COMMON | alpine, busybox | init)
    _write(folder / "debian-12-systemd_12.5-1_amd64.tar.gz", COMMON | SYSTEMD, SYSTEMD_LINKS)


def _write(path: Path, files: dict[str, str], links: dict[str, str]) -> None:
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.new")
    with tarfile.open(temporary, "w:gz", compresslevel=1) as archive:
        for name in sorted(_folders(files, links)):
            _add(archive, name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        if "busybox" in links.values():
            content = next(Path(name) for name in BUSYBOX if Path(name).exists()).read_bytes()
            _add(archive, "bin/busybox", tarfile.REGTYPE, content, mode=0o755)
        for name, target in links.items():
            _add(archive, name, tarfile.SYMTYPE, link=target)
        for name, text in files.items():
            if name not in links and not any(str(p) in links for p in Path(name).parents):
                mode = 0o755 if name.startswith("sbin/") else 0o644
                _add(archive, name, tarfile.REGTYPE, text.encode(), mode=mode)
    temporary.rename(path)


def _folders(files: dict[str, str], links: dict[str, str]) -> set[str]:
    parents = {str(parent) for name in (*files, *links) for parent in Path(name).parents}
    return {*FOLDERS, *parents} - {".", *links}


def _add(
    archive: tarfile.TarFile,
    name: str,
    kind: bytes,
    content: bytes = b"",
    *,
    mode: int = 0o777,
    link: str = "",
) -> None:
    info = tarfile.TarInfo(f"./{name}")
    info.type, info.mode, info.size, info.linkname = kind, mode, len(content), link
    info.uid = info.gid = OWNERS.get(name, 0)
    archive.addfile(info, io.BytesIO(content))
