"""One agent on one host: the parts put together, and one run from intake to report."""

from collections.abc import Callable, Iterable
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
import logging
import time

from offctl import errors, files, observation
from offctl import report as reports
from offctl.planner import delta, packing
from offctl.planner.packing import Observation
from offctl.planner.plan import Plan
from offctl.planner.view import View
from offctl.report import Wait
from offctl.tables import INSTANT
from offctl.tunnelkeys import TunnelSecret
from offctl_agent import (
    approvals,
    consenting,
    converge,
    floors,
    intake,
    mailbox,
    reporting,
    textfile,
    tunnelstatus,
)
from offctl_agent.approvals import Limit
from offctl_agent.circumstances import Circumstances
from offctl_agent.config import Config
from offctl_agent.execute import Result
from offctl_agent.holds import Hold
from offctl_agent.host import failures
from offctl_agent.host.protocol import Adoptable, FloorStore, Host, Nowhere
from offctl_agent.identity import MAX_KEY
from offctl_agent.intake import Intake
from offctl_agent.memory import Memory
from offctl_agent.state import State

logger = logging.getLogger(__name__)

# Nothing of ours takes so long to write: what is older was left behind by a kill.
LEFT_OVER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run came to."""

    intake: Intake
    run: converge.Run
    report: reports.Report


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do now, and what keeps it from doing it."""

    intake: Intake
    plan: Plan
    waits: tuple[Wait, ...]


class Agent:
    """Verify, observe, plan, apply, observe again, report; one run at a time on a host."""

    def __init__(
        self,
        config: Config,
        host: Host,
        clock: Callable[[], datetime],
        store: FloorStore | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`store` is the second place for the floor, where the host has one; `pause` waits."""
        self.config = config
        self.state = State(config.agent_state)
        self.inbox = mailbox.Inbox(config.inbox)
        self.outbox = mailbox.Outbox(config.outbox, config.runtime)
        self._host = host
        self._clock = clock
        self._store = store or Nowhere()
        self._pause = pause
        # Packing what has not changed costs more than the rest of a quiet run.
        self._told: tuple[View, bytes] | None = None

    def prepare(self) -> None:
        """Make the directories that are missing. Raises AdminError."""
        self.state.prepare()
        for directory in (self.config.inbox, self.config.outbox, self.config.runtime):
            files.make_directory(directory, mode=0o770)

    def run(
        self,
        *,
        restarts: Iterable[int] = (),
        go_on: Callable[[], bool] = lambda: True,
        tell: Callable[[Intake, Result], None] = lambda _, __: None,
        waiting: Callable[[], bool] = lambda: True,
    ) -> Ran:
        """One run; `tell` hears of each step as it ends.

        `waiting` is asked, while another run on this host goes on, whether to wait for it.

        Raises AdminError, having reported what it can.
        """
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            self.state.damaged.clear()
            files.sweep(self.state.directory)
            shared = [self.config.outbox, self.config.trust.parent]
            if self.config.metrics is not None:
                shared.append(self.config.metrics.parent)
            for directory in shared:
                files.sweep(directory, older=LEFT_OVER_SECONDS)
            started, now = time.monotonic(), self._clock()
            taken = self._take(self.state, now, keep=True)
            circumstances = Circumstances(
                clock=self._clock,
                restarts=frozenset(restarts),
                go_on=go_on,
                tell=lambda result: tell(taken, result),
                pause=self._pause,
                serial=taken.held.accepted.manifest.serial if taken.held else 0,
                began=now,
            )
            try:
                done = converge.run(taken, self.state, self._host, circumstances)
            except errors.OffctlError as error:
                self._report_failure(taken, error, now, time.monotonic() - started)
                raise
            report = self._report(taken, done, now, time.monotonic() - started)
        mailbox.ring(mailbox.courier_bell(self.config.runtime))
        return Ran(taken, done, report)

    def forget(self, key: str, *, waiting: Callable[[], bool]) -> bool:
        """Drop a resource from the ledger; False when it was not there. Raises AdminError."""
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            ledger = self.state.ledger()
            if ledger.lost:
                raise errors.AdminError(
                    "cannot forget one thing: the whole ledger was lost",
                    hint="`offctl-agent apply` first; it notes what is missing and makes nothing",
                )
            known = dict(ledger.fields(key))
            for field in known:
                ledger.forget(key, field)
            self.state.keep_ledger(ledger)
        return bool(known)

    def confirm(self, serial: int, *, waiting: Callable[[], bool]) -> tuple[str, ...]:
        """After a loss of memory: release `serial` is the newest one. Raises AdminError."""
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            taken = self._take(self.state, self._clock(), keep=False)
            if taken.code != floors.FLOOR_LOST:
                raise errors.AdminError(
                    "cannot confirm a release: "
                    + ("none is offered here" if taken.held is None else "nothing was forgotten")
                )
            assert taken.held is not None
            memory = Memory(self.state, self._store)
            return memory.confirm(taken.site, serial, taken.held.pools)

    def _take(self, state: State, now: datetime, *, keep: bool) -> Intake:
        return intake.take(self.config, state, self.inbox, now=now, keep=keep, store=self._store)

    def preview(self) -> Preview:
        """What a run would do now; writes nothing. Raises AdminError."""
        state = State(self.config.agent_state, read_only=True)
        taken = self._take(state, self._clock(), keep=False)
        if taken.held is None:
            return Preview(taken, Plan(), ())
        desired = taken.held.desired
        found = converge.preview(desired, state, self._host)
        limit = Limit(desired, state.approval())
        limit.look_at(found)
        return Preview(taken, found, consenting.waits(taken, state, limit, self._clock()))

    def hold(self, hold: Hold, *, waiting: Callable[[], bool]) -> None:
        """From now on nothing is changed; when this returns, nothing is being changed either.

        Raises AdminError.
        """
        self.prepare()
        with files.locked(self.state.directory / "holds.lock", holder="another hold"):
            self.state.holds.put(hold)
        # A run that goes on asks before its next step; then it lets go of the lock.
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            pass
        mailbox.ring(mailbox.agent_bell(self.config.runtime))

    def release(self, container: int) -> Hold | None:
        """End a hold; None when there was none. Raises AdminError."""
        self.prepare()
        with files.locked(self.state.directory / "holds.lock", holder="another hold"):
            found = self.state.holds.release(container)
        mailbox.ring(mailbox.agent_bell(self.config.runtime))
        return found

    def retry(self, container: int, *, waiting: Callable[[], bool]) -> bool:
        """Let a change that was undone be tried again; False when there is none."""
        self.prepare()
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            known = self.state.undone()
            kept = [undone for undone in known if undone.container != container]
            if len(kept) != len(known):
                self.state.keep_undone(kept)
        mailbox.ring(mailbox.agent_bell(self.config.runtime))
        return len(kept) != len(known)

    def approve(self, plan_hash: str, *, waiting: Callable[[], bool]) -> Preview:
        """Let the plan with this hash through, if it still is the plan. Raises AdminError."""
        self.prepare()
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            now = self.preview()
            if now.intake.held is None:
                raise errors.AdminError("cannot approve: no release is believed here")
            desired = now.intake.held.desired
            found = delta.plan_hash(now.plan, desired)
            if not found.startswith(plan_hash):
                raise errors.AdminError(
                    f"cannot approve plan {plan_hash}: the plan on this host is now {found}",
                    hint="the release or the host has changed; look at `offctl-agent plan` again",
                    code="OTHER_PLAN",
                )
            self.state.keep_approval(approvals.of(now.plan, desired))
        mailbox.ring(mailbox.agent_bell(self.config.runtime))
        return now

    def report_hanging(self, why: str) -> None:
        """Say that an agent before this one hangs, if that can be said; it will do nothing more.

        ZFS is not asked: it may be what hangs.
        """
        now = self._clock()
        with contextlib.suppress(errors.OffctlError):
            state = State(self.config.agent_state, read_only=True)
            taken = intake.take(self.config, state, self.inbox, now=now, keep=False)
            error = failures.refusal("begin a run", failures.HANGS, why)
            self._report_failure(taken, error, now, 0.0)

    def _report_failure(
        self, taken: Intake, error: errors.OffctlError, now: datetime, seconds: float
    ) -> None:
        """Say that the run itself failed, if even that can be said."""
        failed = converge.Run(Plan(), failure=f"{error} [{error.code}]")
        with contextlib.suppress(errors.OffctlError):
            self._report(taken, failed, now, seconds)
        mailbox.ring(mailbox.courier_bell(self.config.runtime))

    def _report(
        self, taken: Intake, done: converge.Run, now: datetime, seconds: float
    ) -> reports.Report:
        stream = self.state.next_stream(self.outbox.newest(), now)
        tunnels = self._tunnels(taken, done, now)
        observed, unkept = self._observed(taken, done)
        report = reporting.report(
            self.config,
            taken,
            done,
            stream=stream,
            now=now,
            seconds=seconds,
            events=self.state.events(),
            unasked=self.state.unasked().lately,
            notes=(
                *taken.notes,
                *done.notes,
                *unkept,
                *self.state.damaged,
                *self.state.left_aside(),
            ),
            tunnels=tunnels,
            health=reporting.health(),
            observation=observed,
        )
        self.outbox.put(stream.sequence, reports.dump(report))
        self._keep_metrics(report)
        return report

    def _keep_metrics(self, report: reports.Report) -> None:
        """For node_exporter, which tells by their age that they are not renewed."""
        if self.config.metrics is None:
            return
        try:
            textfile.keep(self.config.metrics, report)
        except errors.AdminError as error:
            # Who watches this host is not what it is for: the run has ended as it has.
            logger.warning("metrics not written: %s", error)

    def _observed(self, taken: Intake, done: converge.Run) -> tuple[str, tuple[str, ...]]:
        """Leave what was observed for the courier: its name, empty when there is none, and why not.

        A full disk must not keep back the report that says so.
        """
        if done.view is None:
            return "", ()
        if self._told is None or self._told[0] != done.view:
            content = packing.dump(Observation(taken.site, self.config.host, done.view))
            self._told = done.view, content
        try:
            self.outbox.put_observation(self._told[1])
        except errors.AdminError as error:
            logger.warning("%s", error)
            return "", (f"{error} [{error.code}]",)
        return observation.digest(self._told[1]), ()

    def _tunnels(
        self, taken: Intake, done: converge.Run, now: datetime
    ) -> tuple[reports.TunnelStatus, ...]:
        if taken.held is None or done.failure:
            return ()
        found = tunnelstatus.statuses(
            taken.held.desired, done.tunnels, self.state.tunnels(), now.strftime(INSTANT)
        )
        self.state.keep_tunnels(tunnelstatus.remembered(found))
        return found


def utc_now() -> datetime:
    """The clock of a real run, to the second: what documents and people can hold."""
    return datetime.now(UTC).replace(microsecond=0)


def _silent() -> None:
    """Nobody waits for a sign of life."""


def open_machine(
    config: Config, alive: Callable[[], None] = _silent
) -> tuple[Adoptable, FloorStore]:
    """The host this agent looks after, and the second place for its floor: what one reads of a
    pool the other need not ask for.

    `alive` hears that a long command goes on. Raises AdminError.
    """

    def secret() -> TunnelSecret:
        return TunnelSecret(files.require(config.tunnel_key, limit=MAX_KEY))

    # Both imported late: neither kind of host needs anything of the other, and starting is most of
    # what a short command costs.
    if config.simulated is not None:
        from offctl_agent.simulated.floors import PoolFloors
        from offctl_agent.simulated.host import SimulatedHost

        host = SimulatedHost(config.simulated, config.host, outlive=True, secret=secret)
        return host, PoolFloors(SimulatedHost(config.simulated, config.host).machine)
    from offctl_agent.proxmox import opened

    return opened.machine(config.host, secret, alive)


def open_host(config: Config, alive: Callable[[], None] = _silent) -> Host:
    """The host alone. Raises AdminError."""
    return open_machine(config, alive)[0]


def open_floors(config: Config, alive: Callable[[], None] = _silent) -> FloorStore:
    """The second place for the floor alone. Raises AdminError."""
    return open_machine(config, alive)[1]
