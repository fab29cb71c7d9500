"""The resident agent: runs when the courier rings, when its interval is over, and at start.

Crash-only: it may be killed at any moment; what it must not forget is on disk before it acts.
"""

from collections.abc import Callable
import contextlib
import logging
import os
import random
import select
import signal
from types import FrameType

from offctl import errors, files
from offctl_agent import printing
from offctl_agent.agent import Agent, Ran
from offctl_agent.execute import Outcome
from offctl_agent.mailbox import Doorbell, agent_bell

logger = logging.getLogger(__name__)

# Runs of different hosts and restarts of one host spread over this share of the interval.
JITTER = 0.2


class Daemon:
    """The loop around `Agent.run`."""

    def __init__(self, agent: Agent, random_source: random.Random) -> None:
        self._agent = agent
        self._random = random_source
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT. Raises AdminError when another agent runs on this host."""
        self._agent.prepare()
        lock = self._agent.config.agent_state / "agent.lock"
        holder = f"another agent for host {self._agent.config.host}"
        with (
            files.locked(lock, holder=holder),
            contextlib.closing(Doorbell(agent_bell(self._agent.config.runtime))) as bell,
        ):
            signal.signal(signal.SIGTERM, self._stop)
            signal.signal(signal.SIGINT, self._stop)
            signal.signal(signal.SIGHUP, self._wake)
            ready()
            while not self._stopping:
                bell.clear()
                self._run()
                self._wait(bell)

    def _run(self) -> None:
        try:
            ran = self._agent.run(go_on=self._go_on)
        except errors.OffctlError as error:
            # The next run looks again; meanwhile nothing has been changed that is not journaled.
            logger.error("cannot finish a run: %s [%s]", error, error.code)  # noqa: TRY400
            return
        _log(ran)

    def _go_on(self) -> bool:
        return not self._stopping

    def _wait(self, bell: Doorbell) -> None:
        interval = self._agent.config.interval
        pause = interval * (1 + self._random.uniform(-JITTER, JITTER))
        if not self._stopping:
            select.select([bell, self._wake_read], [], [], pause)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 64):
                pass

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._wake(number, frame)

    def _wake(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"!")


def _log(ran: Ran) -> None:
    for event in ran.run.events:
        log = logger.info if event.outcome == Outcome.DONE.value else logger.error
        log("%s", printing.event_line(event))
    if ran.run.events:
        done = sum(event.outcome == Outcome.DONE.value for event in ran.run.events)
        logger.info(
            "run: %d done, %d failed, %d left, in %.1f s (release %d)",
            done,
            len(ran.run.events) - done,
            len(ran.run.plan.steps),
            ran.report.seconds_milli / 1000,
            ran.report.serial,
        )
    if ran.report.refused is not None:
        logger.warning("refused: %s [%s]", ran.report.refused.reason, ran.report.refused.code)
