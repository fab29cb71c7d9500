"""The keys that lie in the files of stunnel, looked for in everything else that programs left.

Logs, reports, the coordinator's database, bundles, journals, plans and what was said: all of a
machine room but the files that stunnel reads, and those that people keep keys in.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from demo.stage import Stage


@dataclass(frozen=True)
class Search:
    keys: int
    bytes: int
    files: int
    found: tuple[str, ...]


def search(room: Stage, *said: str) -> Search:
    """`said` is what programs printed; who runs there is asked for arguments and environment."""
    held = [path for path in room.directory.rglob("*") if _holds(path)]
    keys = {
        line.partition(":")[2].encode()
        for path in held
        for line in path.read_text().splitlines()
        if len(line.partition(":")[2]) >= 32
    }
    count, files, found = sum(len(text) for text in said), 0, []
    found += ["what was said" for text in said if any(key in text.encode() for key in keys)]
    looked = [p for p in room.directory.rglob("*") if p.is_file() and p not in held]
    looked += [Path(f"/proc/{pid}/{name}") for pid in room.pids for name in ("cmdline", "environ")]
    for path in looked:
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            count, files = count + len(content), files + 1
            found += [str(path)] if any(key in content for key in keys) else []
    return Search(len(keys), count, files, tuple(found))


def _holds(path: Path) -> bool:
    """Whether a file is there to hold keys: stunnel's, or one that people put there."""
    return path.is_file() and path.parent.name == "psk"
