"""What is left on this host after it lost its power, as one JSON object: state, data, pool.

python3 survived.py [FILE]: looks; with a FILE it then makes such a file in every dataset of the
pool, flushed, that every later look must find whole.
"""

import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys

from offctl import files
from offctl_agent import config as configs
from offctl_agent.agent import open_floors
from offctl_agent.journal import Journal
from offctl_agent.state import State

POOL = "tank"
PREFIX = "precious-"
SIZE = 65536


def main() -> int:
    """Look, and make what the next look is for."""
    memory = State(configs.load(configs.DEFAULT).agent_state, read_only=True)
    with files.locked(memory.lock, holder="a run", waiting=lambda: True):
        found = {**state(memory), **data(), **pool()}
    made = places() if len(sys.argv) > 1 else []
    for place in made:
        keep(place / f"{PREFIX}{sys.argv[1]}")
    print(json.dumps({**found, "made": len(made)}))
    return 0


def state(memory: State) -> dict[str, object]:
    """The agent's own memory, read as the agent reads it."""
    config = configs.load(configs.DEFAULT)
    mark = memory.mark()
    text = mark.text if mark is not None else ""
    return {
        "serial": mark.floor.serial if mark is not None else 0,
        "floors": sorted({text, *open_floors(config).read()}),
        "lost": memory.ledger().lost,
        "entries": len(list(memory.ledger())),
        "debts": [str(debt) for debt in memory.debts()],
        "journal": len(Journal(memory.journal).recover()),
        "damaged": [*memory.damaged, *_named(memory.directory, "*damaged*")],
        "left": _named(memory.directory, ".*.new"),
    }


def data() -> dict[str, object]:
    """How many precious files there are in all places, and which are not as they were made."""
    count, wrong = 0, []
    for place in places():
        for path in sorted(place.glob(f"{PREFIX}*")):
            content = path.read_bytes()
            count += 1
            if content[:64].decode("ascii", "replace") != hashlib.sha256(content[64:]).hexdigest():
                wrong.append(str(path))
    return {"precious": count, "wrong": wrong}


def pool() -> dict[str, object]:
    """What ZFS says of the pool, and what containers there are."""
    said = subprocess.run(
        ["/sbin/zpool", "status", "-x", POOL], check=False, capture_output=True, text=True
    )
    configured = {
        path.name: path.read_text() for path in sorted(Path("/etc/pve/lxc").glob("*.conf"))
    }
    return {"pool": said.stdout.strip() or said.stderr.strip(), "containers": configured}


def places() -> list[Path]:
    """Where every dataset of ours is mounted."""
    rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    mine = [row[1] for row in rows if row[2] == "zfs" and row[0].startswith(f"{POOL}/")]
    return [Path(path) for path in sorted(set(mine)) if not path.startswith(f"/{POOL}/pve")]


def keep(path: Path) -> None:
    """Make a file whose content says whether it is whole, durable when this returns."""
    content = os.urandom(SIZE)
    with path.open("wb") as file:
        file.write(hashlib.sha256(content).hexdigest().encode() + content)
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _named(directory: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in directory.glob(pattern))


if __name__ == "__main__":
    sys.exit(main())
