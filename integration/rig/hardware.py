"""What a guest is made of: the same for every guest, or no saved state could be restored."""

from dataclasses import dataclass
from pathlib import Path

LAN = "192.168.77"


@dataclass(frozen=True, slots=True)
class Hardware:
    """The size of a guest. Every one has three empty disks beside its root: /dev/vdb, vdc, vdd."""

    memory: int = 1024
    processors: int = 1
    data_disks: int = 3
    data_gib: int = 8

    def argv(self, boot: Path, disks: tuple[Path, ...], home: Path) -> list[str]:
        """QEMU's arguments; sockets and logs are in `home`."""
        kernel = (
            "root=/dev/vda rw console=ttyS0 quiet loglevel=4 net.ifnames=0 mitigations=off audit=0"
            " apparmor=0 random.trust_cpu=on systemd.show_status=0 tsc=reliable"
        )
        argv = [
            "qemu-system-x86_64",
            *("-name", home.name),
            # A translation cache of 128 MiB is 4 % slower than the default and 145 MB smaller.
            *("-machine", "pc", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "Nehalem"),
            *("-m", str(self.memory), "-smp", str(self.processors)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(boot / "vmlinuz"), "-initrd", str(boot / "initrd"), "-append", kernel),
            *("-qmp", f"unix:{home}/qmp.sock,server=on,wait=off"),
            *(
                "-chardev",
                f"socket,id=console,path={home}/console.sock,server=on,wait=off"
                f",logfile={home}/console.log,logappend=on",
            ),
            *("-serial", "chardev:console"),
            *("-device", "virtio-rng-pci,addr=0x2"),
            *("-device", "virtio-serial-pci,addr=0x3"),
            *("-chardev", f"socket,id=control,path={home}/control.sock,server=on,wait=off"),
            *("-device", "virtserialport,chardev=control,name=rig.control"),
            # The LAN: frames to and from the hub, no interface of this machine.
            *(
                "-netdev",
                f"dgram,id=lan,local.type=unix,local.path={home}/lan.sock"
                f",remote.type=unix,remote.path={home}/hub.sock",
            ),
            *("-device", "virtio-net-pci,netdev=lan,addr=0x4,romfile="),
            # Restricted: this machine can call in, the guest can call nobody.
            *("-netdev", "user,id=outside,restrict=on,ipv6=off"),
            *("-device", "virtio-net-pci,netdev=outside,addr=0x5,romfile="),
        ]
        for number, disk in enumerate(disks):
            argv += ["-drive", f"if=none,id=disk{number},file={disk},format=qcow2,discard=unmap"]
            argv += ["-device", f"virtio-blk-pci,drive=disk{number},addr=0x{8 + number:x}"]
        return argv
