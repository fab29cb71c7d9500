"""Carrying out actions on containers, and proving that they are done: the same on every host.

What a program says is never proof: the file and the running container are looked at again. A lock
is waited for by the next run, never taken away.
"""

from offctl.errors import HostError, OffctlError
from offctl.observed import Configuration
from offctl.planner import actions as act
from offctl.planner.commands import Command, commands
from offctl_agent.host import beliefs, failures, pctconf, preflight
from offctl_agent.host.doors import Calls, Life, Pve, Sources

MISSING = "it does not exist"


class Containers:
    """Every action on containers; each raises HostError."""

    def __init__(self, pve: Pve, calls: Calls, life: Life, sources: Sources) -> None:
        self._pve = pve
        self._calls = calls
        self._life = life
        self._sources = sources

    def create(self, action: act.CreateContainer) -> None:
        doing = f"create container {action.id}"
        self._require_quorum(doing)
        if self._pve.read(action.id) is not None:
            raise failures.refusal(doing, failures.CONFLICT, "it exists already")
        try:
            self._calls.run(doing, commands(action)[0])
        except HostError as error:
            if self._pve.read(action.id) is not None:
                raise _also(error, "it left a configuration file behind") from error
            raise
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
            self._set_protected(action, now.digest, doing)
        else:
            self._set(action, commands(action)[0], now.digest, doing)
        if reason := beliefs.unmet(action, self._configuration(action.id, doing)):
            raise failures.refusal(doing, failures.FAILED, reason)

    def set_idmap(self, action: act.SetIdmap) -> None:
        doing = f"set the id-map of container {action.id}"
        self._require_quorum(doing)
        self._unlocked(action.id, doing)
        wanted = beliefs.idmap_texts(action.ranges)

        def change(content: bytes) -> bytes:
            # Looked at again: only under PVE's lock does it stay what it is.
            now = pctconf.parse(content)
            _refuse_lock(now, doing)
            found = beliefs.idmap_lines(now)
            if found not in (wanted, action.before):
                cause = f"it is {found} now, not {action.before}"
                raise failures.refusal(doing, failures.CONFLICT, cause)
            return pctconf.with_idmap(content, wanted)

        self._pve.edit(action.id, change)
        if beliefs.idmap_lines(self._configuration(action.id, doing)) != wanted:
            raise failures.refusal(doing, failures.FAILED, "it is not written afterwards")

    def start(self, action: act.StartContainer) -> None:
        doing = f"start container {action.id}"
        self._require_quorum(doing)
        self._unlocked(action.id, doing, allowed="mounted")
        if self._life.running(action.id):
            return
        self._preflight(action.id, action.sources, doing)
        self._run_up(action.id, commands(action)[0], doing)

    def restart(self, action: act.RestartContainer) -> None:
        doing = f"restart container {action.id}"
        self._require_quorum(doing)
        self._unlocked(action.id, doing)
        if not self._life.running(action.id):
            raise failures.refusal(doing, failures.CONFLICT, "it is not running")
        self._preflight(action.id, action.sources, doing)
        self._run_up(action.id, commands(action)[0], doing)

    def shut_down(self, action: act.ShutDownContainer) -> None:
        doing = f"shut down container {action.id}"
        self._unlocked(action.id, doing)
        if not self._life.running(action.id):
            return
        self._calls.run(doing, commands(action)[0])
        if self._life.running(action.id):
            raise failures.refusal(doing, failures.FAILED, "it is still running")

    def _set(self, action: act.SetContainer, call: Command, digest: str, doing: str) -> None:
        try:
            self._calls.run(doing, (*call, "--digest", digest))
        except HostError as error:
            # pct may fail after it has written the file: the status alone would hide that.
            raise _also(error, self._written(action, doing)) from error

    def _written(self, action: act.SetContainer, doing: str) -> str:
        try:
            unmet = beliefs.unmet(action, self._configuration(action.id, doing))
        except OffctlError as error:
            return str(error)
        return "" if unmet else "it is written all the same"

    def _set_protected(self, action: act.SetContainer, digest: str, doing: str) -> None:
        lift, call, restore = commands(action)
        again = f"protect container {action.id} again"
        try:
            self._calls.run(doing, (*lift, "--digest", digest))
            digest = self._configuration(action.id, doing).digest
            self._set(action, call, digest, doing)
        except HostError as error:
            if self._is_unprotected(action.id, doing):
                try:
                    self._calls.run(again, restore)
                except HostError as worse:
                    raise _also(error, str(worse)) from worse
            raise
        self._calls.run(again, restore)
        if self._is_unprotected(action.id, again):
            raise failures.refusal(again, failures.FAILED, "it is not protected afterwards")

    def _is_unprotected(self, number: int, doing: str) -> bool:
        return self._configuration(number, doing).option("protection") != "1"

    def _run_up(self, number: int, argv: Command, doing: str) -> None:
        try:
            self._calls.run(doing, argv)
        except HostError as error:
            raise _also(error, self._up(number)) from error
        if not self._life.running(number):
            raise failures.refusal(doing, failures.FAILED, "it is not running afterwards")

    def _up(self, number: int) -> str:
        try:
            return "it is running all the same" if self._life.running(number) else ""
        except OffctlError as error:
            return str(error)

    def _preflight(self, number: int, sources: tuple[act.Source, ...], doing: str) -> None:
        now = self._configuration(number, doing)
        if reason := preflight.reason(now, sources, self._sources):
            raise failures.refusal(doing, failures.PREFLIGHT, reason)

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
        _refuse_lock(now, doing, allowed=allowed)
        return now


def _refuse_lock(now: Configuration, doing: str, *, allowed: str = "") -> None:
    if now.lock and now.lock != allowed:
        raise failures.refusal(doing, failures.LOCKED, f"PVE has locked it ({now.lock})")


def _also(error: HostError, more: str) -> HostError:
    """The same failure, with what was found when looking after it."""
    text = f"{error}; {more}" if more else str(error)
    return HostError(text, hint=error.hint, code=error.code, evidence=error.evidence)
