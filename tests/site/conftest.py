"""Small sites for the tests of the site language, and the way to read and compile them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from offctl_cli.site import compiler, load, model

Files = dict[str, str]

BASE = """\
[site]
name = "small"

[clusters.c]
container_address = "10.1.0.{id}/24"

[hosts.h]
cluster = "c"
bridges = { public = "vmbr0", internal = "vmbr1" }
gateways = { public = "192.0.2.1", internal = "10.0.0.2" }
pools = ["tank"]
storage = { fast = "tank/pve" }

[profiles.po]
host = "h"
cores = 4
memory = 1024
rootfs = { storage = "fast", size = "8G" }
idmap = { identity = ["1000-65535"] }
networks.eth0 = { role = "internal" }
"""


@pytest.fixture
def base() -> str:
    """A site of one host, with a profile, that says nothing wrong."""
    return BASE


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Put the files of a site into a directory of its own."""

    def write_files(files: Files) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


@pytest.fixture
def read(write: Callable[[Files], Path]) -> Callable[[str], model.Site]:
    """Read a site of one file."""
    return lambda text: load.read_site(write({"site.toml": text}))


@pytest.fixture
def compiled(read: Callable[[str], model.Site]) -> Callable[[str], compiler.Compiled]:
    """Compile a site of one file, without the lints."""
    return lambda text: compiler.compile(read(text))
