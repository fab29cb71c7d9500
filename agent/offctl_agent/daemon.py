"""The resident agent: runs when the courier rings, when its interval is over, and at start.

Crash-only: it may be killed at any moment; what it must not forget is on disk before it acts.
"""

from collections.abc import Callable, Sequence
import contextlib
import logging
import os
import random
import select
import signal
import time
from types import FrameType

from offctl import errors, files
from offctl.messages import Message
from offctl.service import Manager
from offctl_agent import printing
from offctl_agent.agent import Agent, Ran
from offctl_agent.execute import Outcome, Result
from offctl_agent.host import stuck
from offctl_agent.intake import Intake
from offctl_agent.mailbox import Doorbell, agent_bell
from offctl_agent.starts import Starts, pause

logger = logging.getLogger(__name__)

# Runs of different hosts and restarts of one host spread over this share of the interval.
JITTER = 0.2
# Seconds between the end of one run and the start of the next, whatever wakes the agent.
LEAST_PAUSE = 0.5
# Seconds between two looks whether a hanging predecessor is gone.
OUTLAST_PAUSE = 5.0
PREDECESSOR = "an agent before this one"


class Daemon:
    """The loop around `Agent.run`; `manager` hears of its progress."""

    def __init__(
        self,
        agent: Agent,
        random_source: random.Random,
        manager: Manager,
        hanging: Callable[[], tuple[int, ...]] = stuck.agents,
    ) -> None:
        """`hanging` gives agents before this one that were killed and cannot die."""
        self._agent = agent
        self._hanging = hanging
        self._random = random_source
        self._manager = manager
        self._stopping = False
        self._reloading = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT. Raises AdminError when another agent runs on this host."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        if not self._outlast():
            return
        self._agent.prepare()
        lock = self._agent.config.agent_state / "agent.lock"
        holder = f"another agent for host {self._agent.config.host}"
        with (
            files.locked(lock, holder=holder),
            contextlib.closing(Doorbell(agent_bell(self._agent.config.runtime))) as bell,
        ):
            starts = Starts(self._agent.config.agent_state / "unended")
            unended = starts.begin()
            ready()
            self._manager.ready()
            self._hold_back(unended)
            while not self._stopping:
                bell.clear()
                self._run()
                starts.ended()
                self._wait(bell)
            starts.ended()
            self._manager.stopping()

    def _outlast(self) -> bool:
        """Before anything else: wait for agents that hang in the kernel, without touching a disk.

        The first that finds one says so in a report; if that hangs too, the next does not try.
        False when asked to stop meanwhile.
        """
        told = ""
        while not self._stopping and (numbers := self._hanging()):
            if (text := stuck.told(PREDECESSOR, numbers)) != told:
                told = text
                self._manager.ready()
                hangs = Message.PREDECESSOR_HANGS.fields()
                logger.error("%s; waiting for it to end", text, extra=hangs)
                self._manager.status(f"{text}; waiting for it to end")
                if len(numbers) == 1:
                    self._agent.report_hanging(text)
            self._idle([self._wake_read], OUTLAST_PAUSE)
            self._drain()
        return not self._stopping

    def _hold_back(self, unended: int) -> None:
        """Before a first run like those that brought the agent down: wait, whoever rings."""
        seconds = self._spread(pause(unended, self._agent.config.interval))
        if seconds:
            text = f"the last {unended} starts did not end a run; the next is in {seconds:.0f} s"
            logger.warning("%s; a reload makes it now", text, extra=Message.HELD_BACK.fields())
            self._manager.status(text)
            self._idle([self._wake_read], seconds)

    def _run(self) -> None:
        """One run. Every run reads the trust root again, so that a reload is no more than a run."""
        asked, self._reloading = self._reloading, False
        if asked:
            self._manager.reloading()
        self._converge()
        if asked:
            self._manager.ready()

    def _converge(self) -> None:
        self._manager.alive()
        try:
            ran = self._agent.run(go_on=self._go_on, waiting=self._go_on, tell=_log_step)
        except errors.OffctlError as error:
            # The next run looks again; meanwhile nothing has been changed that is not journaled.
            logger.error(  # noqa: TRY400
                "cannot finish a run: %s [%s]",
                error,
                error.code,
                extra=Message.RUN_FAILED.fields(OFFCTL_CODE=error.code),
            )
            self._manager.status(f"cannot finish a run: {error}")
            return
        except Exception:
            # Ours to mend; the host goes on as it is, and the next run looks again.
            logger.exception(
                "a run ended in a mistake of offctl; please report it",
                extra=Message.MISTAKE.fields(),
            )
            return
        self._manager.status(printing.heading(ran.intake))
        _log(ran)

    def _go_on(self) -> bool:
        """Asked before each step, that is: after the one before it has ended."""
        self._manager.alive()
        return not self._stopping

    def _wait(self, bell: Doorbell) -> None:
        # However often somebody rings: runs do not follow each other without a pause.
        interval = self._agent.config.interval
        self._idle([self._wake_read], min(LEAST_PAUSE, interval / 10))
        self._idle([bell, self._wake_read], self._spread(interval))
        self._drain()

    def _idle(self, sources: Sequence[Doorbell | int], seconds: float) -> None:
        """Wait, alive, until one of `sources` has something or the time is over."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._manager.alive()
            if select.select(sources, [], [], min(left, self._manager.interval))[0]:
                return

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 64):
                pass

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + self._random.uniform(-JITTER, JITTER))

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._wake(number, frame)

    def _reload(self, number: int, frame: FrameType | None) -> None:
        self._reloading = True
        self._wake(number, frame)

    def _wake(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")


def _log_step(taken: Intake, result: Result) -> None:
    """Each action as it ends: a first run may take long, and whoever watches should see it."""
    if result.outcome not in (Outcome.DONE, Outcome.FAILED) or taken.held is None:
        return
    done = result.outcome is Outcome.DONE
    log = logger.info if done else logger.error
    fields = (Message.STEP_DONE if done else Message.STEP_FAILED).fields(
        OFFCTL_HOST=taken.held.desired.host,
        OFFCTL_SERIAL=str(taken.held.floor.serial),
        OFFCTL_RESOURCE=result.step.resource.label,
        OFFCTL_OUTCOME=result.outcome.value,
        OFFCTL_ORIGIN=result.step.origin.value,
    )
    log("%s", printing.log_line(result), extra=fields)


def _log(ran: Ran) -> None:
    for item in ran.run.unasked:
        fields = Message.UNASKED.fields(
            OFFCTL_RESOURCE=item.resource, OFFCTL_ORIGIN="corrective", **_fields(ran)
        )
        logger.warning("%s", printing.unasked_line(item), extra=fields)
    if ran.run.events:
        done = sum(event.outcome == Outcome.DONE.value for event in ran.run.events)
        logger.info(
            "run: %d done, %d failed, %d left, in %.1f s (release %d)",
            done,
            len(ran.run.events) - done,
            len(ran.run.plan.steps),
            ran.report.seconds_milli / 1000,
            ran.report.serial,
            extra=Message.RUN_ENDED.fields(**_fields(ran)),
        )
    if ran.report.refused is not None:
        logger.warning(
            "refused: %s [%s]",
            ran.report.refused.reason,
            ran.report.refused.code,
            extra=Message.OFFER_REFUSED.fields(OFFCTL_CODE=ran.report.refused.code, **_fields(ran)),
        )


def _fields(ran: Ran) -> dict[str, str]:
    """Fields of the journal, to search it by; see offctl-agent(8)."""
    return {
        "OFFCTL_HOST": ran.report.host,
        "OFFCTL_SERIAL": str(ran.report.serial),
        "OFFCTL_REPORT": str(ran.report.sequence),
    }
