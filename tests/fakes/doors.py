"""The doors to a container's host as a test says they are: a file, what runs, and failing calls.

doors = FakeDoors({110: b"memory: 512\n"})
doors.does["pct set 110"] = lambda: doors.files.update({110: b"memory: 600\n"})
doors.fails["pct set 110"] = HostError("cannot set container 110: it exited with 1")
"""

from collections.abc import Callable

from offctl.errors import AdminError, HostError
from offctl.planner.actions import Source
from offctl.planner.commands import Command
from offctl_agent.host.doors import Change


class FakeDoors:
    """Satisfies host.doors.Pve, Calls, Sources and Life together."""

    def __init__(self, files: dict[int, bytes]) -> None:
        self.files = files
        self.alive: set[int] = set()
        self.does: dict[str, Callable[[], object]] = {}
        self.fails: dict[str, HostError] = {}
        self.called: list[str] = []
        self.gone = ""
        self.lifeless = ""
        self.meanwhile: Callable[[], object] = lambda: None
        self.ids = (("u", 100000, 65536), ("g", 100000, 65536))

    def missing(self) -> str:
        return self.gone

    def quorate(self) -> bool:
        return True

    def read(self, number: int) -> bytes | None:
        return self.files.get(number)

    def edit(self, number: int, change: Change) -> None:
        self.meanwhile()
        self.files[number] = change(self.files[number])

    def run(self, doing: str, argv: Command) -> None:
        del doing
        line = " ".join(argv)
        self.called.append(line)
        for start, act in self.does.items():
            if line.startswith(start):
                act()
        for start, error in self.fails.items():
            if line.startswith(start):
                raise error

    def unfit(self, source: Source) -> str:
        return "" if source.dataset else "it shows no dataset"

    def obstacle(self, path: str) -> str:
        return "it does not exist" if "missing" in path else ""

    def granted(self) -> tuple[tuple[str, int, int], ...]:
        return self.ids

    def running(self, number: int) -> bool:
        if self.lifeless:
            raise AdminError(self.lifeless)
        return number in self.alive
