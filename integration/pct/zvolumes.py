"""Volumes: ZFS datasets `POOL/subvol-ID-disk-N`, raw images, directories; and templates."""

import os
from pathlib import Path
import re

from integration.pct import apart, beneath, guestfiles, kernel, mounting, programs
from offctl_agent.host import pctconf, storages
from offctl_agent.host.storages import Storage
from offctl_agent.simulated import pctidmap, pctvalues
from offctl_agent.simulated.pctworld import DIED
from offctl_agent.simulated.result import CommandError

STORAGES = Path("/etc/pve/storage.cfg")
_NAME = re.compile(r"(?:subvol|basevol|vm|base)-(\d+)-.+")
_TEMPLATE = re.compile(r"vztmpl/([^/]+\.tar\.(?:gz|xz|zst|bz2))")


class ZVolumes:
    """What pctworld.Volumes asks for."""

    def random(self, count: int) -> bytes:
        return os.urandom(count)

    def allocate(
        self, number: int, storage: str, gib: str, root: tuple[int, int]
    ) -> tuple[str, str]:
        found = self.storage(storage)
        if "rootdir" not in found.contents:
            raise CommandError(f"storage '{storage}' does not support container directories", DIED)
        mib = int(float(gib) * 1024)
        if found.kind != "zfspool":
            return self._allocate_image(number, storage, found, mib, root)
        taken = programs.run(["zfs", "list", "-H", "-d1", "-o", "name", found.where]).split()
        index = 0
        while f"{found.where}/subvol-{number}-disk-{index}" in taken:
            index += 1
        name = f"subvol-{number}-disk-{index}"
        limit = ["-o", f"refquota={mib}M"] if mib else []
        dataset = f"{found.where}/{name}"
        create = ["zfs", "create", "-o", "acltype=posixacl", "-o", "xattr=sa", *limit, dataset]
        result = programs.call(create)
        if result.code:
            raise CommandError(f"zfs error: {result.stderr.strip()}", DIED)
        os.chown(self.directory(f"{storage}:{name}"), *root)
        return f"{storage}:{name}", _size(mib)

    def free(self, number: int, volume: str) -> None:
        storage, _, name = volume.partition(":")
        found = self.storage(storage)
        match = _NAME.fullmatch(name.rpartition("/")[2])
        if match is None or int(match[1]) != number:
            return
        if found.kind == "zfspool":
            # Never with -r, unlike PVE: whatever somebody put below it stays.
            programs.run(["zfs", "destroy", f"{found.where}/{name}"])
        else:
            Path(self.image(volume)).unlink(missing_ok=True)

    def complaint(self, volume: str) -> str:
        if volume.startswith("/"):
            return ""
        storage, _, name = volume.partition(":")
        try:
            found = self.storage(storage)
        except CommandError as error:
            return error.message
        if found.kind != "zfspool":
            return "" if Path(self.image(volume)).exists() else f"volume '{volume}' does not exist"
        if not _NAME.fullmatch(name):
            return f"unable to parse zfs volume name '{name}'"
        if not Path(self.directory(volume)).is_mount():
            result = programs.call(["zfs", "mount", f"{found.where}/{name}"])
            return result.stderr.strip()
        return ""

    def obstacle(self, path: str) -> str:
        return beneath.obstacle(path)

    def check_template(self, template: str) -> None:
        if template.startswith("/"):
            return
        if ":" not in template:
            raise CommandError(f"can't find file '{template}'", DIED)
        storage, _, name = template.partition(":")
        self.storage(storage)
        if not name.startswith("vztmpl/"):
            raise CommandError(
                f"unable to use volume {template} - content type needs to be 'vztmpl'", DIED
            )
        if not _TEMPLATE.fullmatch(name):
            raise CommandError(f"unable to parse directory volume name '{name}'", DIED)

    def extract(self, number: int, file: pctconf.File, template: str) -> str:
        archive = self._archive(template)

        def inside() -> str:
            kernel.leave_mount_namespace()
            base = mounting.mount_tree(self, number, file, writable=True)
            programs.run([*_mapped(file), *_unpack(archive, base)])
            found = guestfiles.system(base)
            guestfiles.write(base, file.main.options.get("ostype", found), number, file)
            return found

        try:
            return apart.run(inside)
        except OSError as error:
            raise CommandError(f"mounting container failed: {error.strerror}", DIED) from None

    def directory(self, volume: str) -> str:
        """The directory that a volume (or bind source) is."""
        if pctvalues.classify(volume) == "bind":
            return volume
        storage, _, name = volume.partition(":")
        found = self.storage(storage)
        if found.kind != "zfspool":
            raise CommandError(f"the stand-in mounts no '{volume}'", DIED)
        return f"{found.properties.get('mountpoint', '/' + found.where)}/{name}"

    def image(self, volume: str) -> str:
        """The image file that a volume is; empty when it is something else."""
        storage, _, name = volume.partition(":")
        if not name.endswith(".raw"):
            return ""
        return f"{self.storage(storage).where}/images/{name}"

    def _allocate_image(
        self, number: int, storage: str, found: Storage, mib: int, root: tuple[int, int]
    ) -> tuple[str, str]:
        folder = Path(found.where) / "images" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        index = 0
        while (path := folder / f"vm-{number}-disk-{index}.raw").exists():
            index += 1
        with path.open("xb") as file:
            file.truncate(mib * 1024**2)
        owner = f"root_owner={root[0]}:{root[1]}"
        programs.run(["mkfs.ext4", "-q", "-E", owner, str(path)])
        return f"{storage}:{number}/{path.name}", _size(mib)

    def _archive(self, template: str) -> str:
        path = template
        if not template.startswith("/"):
            storage, _, name = template.partition(":")
            path = f"{self.storage(storage).where}/template/cache/{name.removeprefix('vztmpl/')}"
        if not Path(path).is_file():
            raise CommandError(f"volume '{template}' does not exist", DIED)
        return path

    def storage(self, name: str) -> Storage:
        """A storage by name. Raises CommandError."""
        found = storages.parse(STORAGES.read_bytes()).get(name)
        if found is None:
            raise CommandError(f"storage '{name}' does not exist", DIED)
        return found


def _mapped(file: pctconf.File) -> list[str]:
    """The words before a command that make it run as the container's root."""
    lines = pctidmap.lines(file)
    if not lines:
        return []
    maps = [f"-m{':'.join(line.split())}" for line in lines]
    return ["lxc-usernsexec", *maps, "--"]


def _unpack(archive: str, base: str) -> list[str]:
    options = ["--numeric-owner", "--skip-old-files", "--anchored", "--exclude", "./dev/*"]
    return ["tar", "xpf", archive, "-C", base, *options]


def _size(mib: int) -> str:
    if not mib:
        return "0T"
    return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"
