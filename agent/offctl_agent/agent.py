"""One agent on one host: the parts put together, and one run from intake to report."""

from collections.abc import Callable, Iterable
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
import time

from offctl import errors, files
from offctl import report as reports
from offctl.tables import INSTANT
from offctl.tunnelkeys import TunnelSecret
from offctl_agent import converge, intake, mailbox, reporting, tunnelstatus
from offctl_agent.config import Config
from offctl_agent.execute import Result
from offctl_agent.host.protocol import Host
from offctl_agent.identity import MAX_KEY
from offctl_agent.intake import Intake
from offctl_agent.planner.plan import Plan
from offctl_agent.simulated.host import SimulatedHost
from offctl_agent.state import State


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run came to."""

    intake: Intake
    run: converge.Run
    report: reports.Report


class Agent:
    """Verify, observe, plan, apply, observe again, report; one run at a time on a host."""

    def __init__(self, config: Config, host: Host, clock: Callable[[], datetime]) -> None:
        self.config = config
        self.state = State(config.agent_state)
        self.inbox = mailbox.Inbox(config.inbox)
        self.outbox = mailbox.Outbox(config.outbox)
        self._host = host
        self._clock = clock

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
        tell: Callable[[Result], None] = lambda _: None,
        waiting: Callable[[], bool] = lambda: True,
    ) -> Ran:
        """One run; `waiting` is asked, while another on this host goes on, whether to wait for it.

        Raises AdminError, having reported what it can.
        """
        with files.locked(self.state.lock, holder="another run", waiting=waiting):
            self.state.damaged.clear()
            started, now = time.monotonic(), self._clock()
            taken = intake.take(self.config, self.state, self.inbox, now=now, keep=True)
            circumstances = converge.Circumstances(
                clock=self._clock, restarts=frozenset(restarts), go_on=go_on, tell=tell
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

    def preview(self) -> tuple[Intake, Plan]:
        """What a run would do now; writes nothing. Raises AdminError."""
        state = State(self.config.agent_state, read_only=True)
        taken = intake.take(self.config, state, self.inbox, now=self._clock(), keep=False)
        if taken.held is None:
            return taken, Plan()
        return taken, converge.preview(taken.held.desired, state, self._host)

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
        stream = self.state.next_stream(self.outbox.newest())
        tunnels = self._tunnels(taken, done, now)
        report = reporting.report(
            self.config,
            taken,
            done,
            stream=stream,
            now=now,
            seconds=seconds,
            events=self.state.events(),
            notes=(*done.notes, *self.state.damaged),
            tunnels=tunnels,
            health=reporting.health(),
        )
        self.outbox.put(stream.sequence, reports.dump(report))
        return report

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


def open_host(config: Config) -> Host:
    """The host this agent looks after. Raises AdminError."""
    if config.simulated is None:
        raise errors.AdminError(
            "cannot manage this machine: this version manages simulated hosts only",
            hint='set `simulated = "DIRECTORY"` in agent.toml (made by `offctl-simhost`)',
        )

    def secret() -> TunnelSecret:
        return TunnelSecret(files.require(config.tunnel_key, limit=MAX_KEY))

    return SimulatedHost(config.simulated, config.host, outlive=True, secret=secret)
