"""Tunnels between the stunnels of several Debian releases, every pair of them: `make stunnels`.

Each runs from a root directory of its release, made by mmdebstrap; all else is this machine's.
"""

import itertools
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from tunnels.pair import End, Pair, pair

RELEASES = ("bullseye", "bookworm", "trixie")
# In mounts of its own, which are gone when it ends; it stays the process that was started.
_WITHIN = (
    'cd "$0" && mount --bind /tmp tmp && mount --bind /dev dev && exec chroot . "$@"'
)  # fmt: skip


def root_of(release: str, below: Path) -> Path:
    """A root directory with stunnel in it."""
    root = below / release
    if not root.exists():
        new = below / f"{release}.new"
        below.mkdir(parents=True, exist_ok=True)
        subprocess.run(["rm", "-rf", str(new)], check=True)
        words = ("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=stunnel4")
        subprocess.run([*words, release, str(new)], check=True)
        new.rename(root)
    return root.resolve()


def settle(end: End, root: Path) -> None:
    """From now on this end's stunnel is that of a root directory."""
    end.place.rooted[:] = ["unshare", "--mount", "sh", "-c", _WITHIN, str(root)]
    lines = (line.split(":") for line in (root / "etc/group").read_text().splitlines())
    (group,) = (int(words[2]) for words in lines if words[0] == "stunnel4")
    end.place.given[:] = [(0, group)]


def tried(two: Pair) -> None:
    """Set up, rotated phase by phase, and the old key refused. Raises AssertionError."""
    for client, accepted in ((1, (1,)), (1, (1, 2)), (2, (1, 2)), (2, (2,))):
        two.generation(client, *accepted)
        two.server.renew()
        two.client.renew()
        assert two.through()
        assert two.server.look().loaded
        assert two.client.look().ends[0].proof == ""
    two.generation(2, 3)
    two.server.renew()
    until = time.monotonic() + 5
    while two.through():
        assert time.monotonic() < until, "the old key still opens it"


def main(below: Path) -> None:
    roots = {release: root_of(release, below) for release in RELEASES}
    for client, server in itertools.product(RELEASES, repeat=2):
        with tempfile.TemporaryDirectory(prefix="offctl-versions-") as directory:
            Path(directory).chmod(0o755)
            with pair(Path(directory)) as two:
                settle(two.client, roots[client])
                settle(two.server, roots[server])
                tried(two)
        sys.stdout.write(f"client {client}, server {server}: right\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
