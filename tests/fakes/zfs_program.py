"""A `zfs` that knows `get`: prints what stands in datasets.json beside it, fails by fail-POOL.

`lacks` names a property that it does not have; `listed` is what it says of file systems alone.
"""

import json
from pathlib import Path
import sys

HOME = Path(sys.argv[0]).resolve().parent


def main(argv: list[str]) -> int:
    if "filesystem" in argv:
        sys.stdout.write((HOME / "listed").read_text())
        return 0
    target, asked = argv[-1], argv[-2].split(",")
    pool = target.split("/")[0]
    if (HOME / f"fail-{pool}").exists():
        sys.stderr.write(f"cannot open '{pool}': {(HOME / f'fail-{pool}').read_text()}\n")
        return 1
    lacks = (HOME / "lacks").read_text() if (HOME / "lacks").exists() else ""
    if lacks in asked:
        sys.stderr.write(f"bad property list: invalid property '{lacks}'\nusage:\n")
        return 2
    datasets = json.loads((HOME / "datasets.json").read_text())
    if argv[:4] == ["get", "-Hp", "-o", "property"]:
        sys.stdout.write("\n".join(datasets[pool]) + "\n")
        return 0
    for name, properties in datasets.items():
        if name == target or ("-r" in argv and name.startswith(f"{target}/")):
            for key in asked:
                value, source = properties.get(key, ("-", "-"))
                sys.stdout.write(f"{name}\t{key}\t{value}\t{source}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
