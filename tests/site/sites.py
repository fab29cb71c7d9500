"""Small sites for the tests of the site language, and the way to compile them."""

from pathlib import Path

from offctl_cli.site import compiler, load, model

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"

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
"""

PROFILE = """\
[profiles.po]
host = "h"
cores = 4
memory = 1024
swap = 0
onboot = true
protection = true
rootfs = { storage = "fast", size = "8G" }
idmap = { identity = ["1000-65535"] }
networks.eth0 = { role = "internal" }
"""


def write(directory: Path, files: dict[str, str]) -> Path:
    """Put the files of a site into a directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def read(directory: Path, text: str) -> model.Site:
    """Read a site of one file."""
    return load.read_site(write(directory, {"site.toml": text}))


def compiled(directory: Path, text: str) -> compiler.Compiled:
    """Compile a site of one file, without the lints."""
    return compiler.compile(read(directory, text))


def said(result: compiler.Compiled | model.Site) -> list[str]:
    """The findings as `line code: text`."""
    return [f"{each.line} {each.code}: {each.text}" for each in result.findings]
