"""What the containers of a simulated host show of it, and which of them live."""

from offctl.planner import actions as act
from offctl_agent.host import subids
from offctl_agent.simulated import directories, running
from offctl_agent.simulated.machine import Machine


class Sources:
    """Satisfies host.doors.Sources and host.doors.Life."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def unfit(self, source: act.Source) -> str:
        """Why this is not what should be mounted; empty when it is."""
        if not source.dataset:
            return self.obstacle(source.path)
        reason = directories.not_mounted(self._machine, source.dataset, source.mountpoint)
        if reason or (reason := self.obstacle(source.path)):
            return reason
        shown = self._machine.mounts().place(source.path).guid
        name = self._machine.dataset_name(shown)
        return "" if name == source.dataset else f"it shows {name or 'no dataset'}"

    def obstacle(self, path: str) -> str:
        """Why a path is not a directory reached without symbolic links; empty when it is."""
        found = self._machine.obstacle(path)
        if found == "missing":
            return "it does not exist"
        return f"there is a {found} in its path" if found else ""

    def granted(self) -> tuple[tuple[str, int, int], ...]:
        """What root may map."""
        return tuple(
            entry
            for kind, name in subids.FILES
            for entry in subids.parse(kind, self._machine.store.read(f"etc/{name}") or b"")
        )

    def running(self, number: int) -> bool:
        """Whether a container runs."""
        return running.load(self._machine, number) is not None
