"""Carrying out actions on containers of a simulated host, and proving that they are done."""

from offctl_agent.host import beliefs, failures, pctconf
from offctl_agent.host.commands import commands
from offctl_agent.observed import Configuration
from offctl_agent.planner import actions as act
from offctl_agent.simulated import directories, running
from offctl_agent.simulated.calls import Calls
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pve import Pve

MISSING = "it does not exist"


class Containers:
    """Every action on containers; each raises HostError."""

    def __init__(self, machine: Machine, calls: Calls) -> None:
        self._machine = machine
        self._pve = Pve(machine)
        self._calls = calls

    def create(self, action: act.CreateContainer) -> None:
        doing = f"create container {action.id}"
        self._require_quorum(doing)
        if self._pve.read(action.id) is not None:
            raise failures.refusal(doing, failures.CONFLICT, "it exists already")
        self._calls.run(doing, commands(action)[0])
        now = self._configuration(action.id, doing)
        if now.lock or now.option("rootfs") is None:
            raise failures.refusal(doing, failures.FAILED, "it is there, but not complete")

    def set(self, action: act.SetContainer) -> None:
        doing = f"set container {action.id}"
        self._require_quorum(doing)
        now = self._unlocked(action.id, doing)
        if reason := beliefs.conflict(action, now):
            raise failures.refusal(doing, failures.CONFLICT, reason)
        if action.protected:
            lift, call, restore = commands(action)
            self._calls.run(doing, (*lift, "--digest", now.digest))
            try:
                digest = self._configuration(action.id, doing).digest
                self._calls.run(doing, (*call, "--digest", digest))
            finally:
                self._calls.run(f"protect container {action.id} again", restore)
        else:
            self._calls.run(doing, (*commands(action)[0], "--digest", now.digest))
        if reason := beliefs.unmet(action, self._configuration(action.id, doing)):
            raise failures.refusal(doing, failures.FAILED, reason)

    def set_idmap(self, action: act.SetIdmap) -> None:
        doing = f"set the id-map of container {action.id}"
        self._require_quorum(doing)
        now = self._unlocked(action.id, doing)
        wanted = beliefs.idmap_texts(action.ranges)
        found = beliefs.idmap_lines(now)
        if found == wanted:
            return
        if found != action.before:
            cause = f"it is {found} now, not {action.before}"
            raise failures.refusal(doing, failures.CONFLICT, cause)
        content = self._pve.read(action.id) or b""
        self._pve.write(action.id, pctconf.with_idmap(content, wanted))

    def start(self, action: act.StartContainer) -> None:
        doing = f"start container {action.id}"
        self._require_quorum(doing)
        self._unlocked(action.id, doing, allowed="mounted")
        if self._running(action.id):
            return
        self._preflight(action.id, action.sources, doing)
        self._calls.run(doing, commands(action)[0])
        self._require_running(action.id, doing)

    def restart(self, action: act.RestartContainer) -> None:
        doing = f"restart container {action.id}"
        self._require_quorum(doing)
        self._unlocked(action.id, doing)
        if not self._running(action.id):
            raise failures.refusal(doing, failures.CONFLICT, "it is not running")
        self._preflight(action.id, action.sources, doing)
        self._calls.run(doing, commands(action)[0])
        self._require_running(action.id, doing)

    def shut_down(self, action: act.ShutDownContainer) -> None:
        doing = f"shut down container {action.id}"
        self._unlocked(action.id, doing)
        if not self._running(action.id):
            return
        self._calls.run(doing, commands(action)[0])
        if self._running(action.id):
            raise failures.refusal(doing, failures.FAILED, "it is still running")

    def _preflight(self, number: int, sources: tuple[act.Source, ...], doing: str) -> None:
        """What pct would either not say (a missing source) or not notice (an unmounted one)."""
        now = self._configuration(number, doing)
        if unread := beliefs.unreadable_mounts(now):
            cause = f"PVE cannot read {', '.join(unread)} and would start it without that mount"
            raise failures.refusal(doing, failures.PREFLIGHT, cause)
        for source in sources:
            reason = ""
            if source.dataset:
                reason = directories.not_mounted(self._machine, source.dataset, source.mountpoint)
            if not reason:
                reason = self._bad_source(source)
            if reason:
                raise failures.refusal(doing, failures.PREFLIGHT, f"source {source.path}: {reason}")

    def _bad_source(self, source: act.Source) -> str:
        obstacle = self._machine.obstacle(source.path)
        if obstacle:
            return MISSING if obstacle == "missing" else f"there is a {obstacle} in its path"
        if not source.dataset:
            return ""
        shown = self._machine.mounts().place(source.path).guid
        name = self._machine.dataset_name(shown)
        return "" if name == source.dataset else f"it shows {name or 'no dataset'}"

    def _require_quorum(self, doing: str) -> None:
        if reason := self._pve.missing():
            raise failures.refusal(doing, failures.FAILED, reason)
        if not self._pve.quorate():
            raise failures.refusal(doing, failures.NO_QUORUM, "/etc/pve is read-only: no quorum")

    def _configuration(self, number: int, doing: str) -> Configuration:
        if reason := self._pve.missing():
            raise failures.refusal(doing, failures.FAILED, reason)
        content = self._pve.read(number)
        if content is None:
            raise failures.refusal(doing, failures.CONFLICT, MISSING)
        return pctconf.parse(content)

    def _unlocked(self, number: int, doing: str, *, allowed: str = "") -> Configuration:
        now = self._configuration(number, doing)
        if now.lock and now.lock != allowed:
            raise failures.refusal(doing, failures.LOCKED, f"PVE has locked it ({now.lock})")
        return now

    def _running(self, number: int) -> bool:
        return running.load(self._machine, number) is not None

    def _require_running(self, number: int, doing: str) -> None:
        if not self._running(number):
            raise failures.refusal(doing, failures.FAILED, "it is not running afterwards")
