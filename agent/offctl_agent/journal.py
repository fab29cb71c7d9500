"""The journal: what we are about to do, durable before we do it, and what came of it.

One JSON object a line, after its checksum. An intent is fsynced before its step; its outcome
follows it. After a crash the intents without an outcome say where the host may stand between two
states; nothing is ever replayed: the next run looks at the host, and the journal only says what is
ours and what is owed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import json
from pathlib import Path

from offctl import files
from offctl.planner import debts
from offctl.planner.actions import SetContainer
from offctl.planner.debts import Debt
from offctl.planner.plan import Step
from offctl.report import Difference
from offctl_agent import checksummed

MAX_JOURNAL = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One step as the journal remembers it; `outcome` is "done", "failed" or "" (interrupted)."""

    key: str
    differences: tuple[Difference, ...]
    debt: Debt | None
    outcome: str


class Journal:
    """An append-only file that is emptied once its content has gone into the ledger."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self.torn = 0

    def recover(self) -> list[Record]:
        """What the last run left behind.

        A crash can leave a torn line. It, and one that a disk has changed, is passed over; `torn`
        is how many there were.
        """
        content = files.read(self._path, limit=MAX_JOURNAL) or b""
        intents: dict[int, Record] = {}
        self.torn = 0
        for line in filter(None, content.split(b"\n")):
            entry = _entry(line)
            number = entry.get("number")
            if not isinstance(number, int):
                self.torn += 1
                continue
            self._number = max(self._number, number)
            if "key" in entry:
                intents[number] = _record(entry)
            elif number in intents and isinstance(entry.get("outcome"), str):
                intents[number] = replace(intents[number], outcome=str(entry["outcome"]))
        return list(intents.values())

    def intend(self, step: Step) -> int:
        """Make the intent durable; the step may begin when this returns."""
        self._number += 1
        self._append(
            {
                "number": self._number,
                "key": step.resource.key,
                "text": step.text,
                "differences": [[d.field, d.observed, d.desired] for d in step.claimed],
                "protection": step.action.id if _lifts_protection(step) else 0,  # type: ignore[union-attr]
            }
        )
        return self._number

    def conclude(self, number: int, outcome: str) -> None:
        """Note how the step ended; losing this line only costs certainty, so it is durable too."""
        self._append({"number": number, "outcome": outcome})

    def empty(self) -> None:
        """Forget everything: the ledger has it now."""
        files.write(self._path, b"", mode=files.PRIVATE)

    def _append(self, entry: dict[str, object]) -> None:
        line = checksummed.dump_line(json.dumps(entry, separators=(",", ":")).encode())
        # The leading newline ends a line that a crash may have torn.
        files.append(self._path, b"\n" + line + b"\n")


def _lifts_protection(step: Step) -> bool:
    return isinstance(step.action, SetContainer) and step.action.protected


def _entry(line: bytes) -> dict[str, object]:
    try:
        entry = json.loads(checksummed.parse_line(line) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _record(entry: dict[str, object]) -> Record:
    listed = entry.get("differences")
    differences = tuple(_differences(listed if isinstance(listed, list) else []))
    container = entry.get("protection")
    debt = debts.protection(container) if isinstance(container, int) and container else None
    return Record(str(entry["key"]), differences, debt, "")


def _differences(listed: list[object]) -> Iterator[Difference]:
    for item in listed:
        if isinstance(item, list) and len(item) == 3 and all(isinstance(p, str) for p in item):
            yield Difference(*item)
