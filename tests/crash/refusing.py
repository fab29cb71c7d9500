"""More rooms: the disk of the agent's own files refuses a change, all from some moment, a look."""

from collections.abc import Callable
import contextlib
import errno
import os
import sys
import traceback
from typing import Self
import warnings

from crash.room import Room, before_changes
from offctl import errors

_NOT_READING = os.O_WRONLY | os.O_RDWR | os.O_DIRECTORY


class Full(Room):
    """There is no room for one change of the agent's own files, and again for the next."""

    error = errno.ENOSPC
    lasting = False
    told: tuple[bytes, ...] = (b"cannot write",)

    def watch(self, call: Callable[[int], None]) -> list[int]:
        """The report has another disk to go to."""
        return before_changes(self.directory / "state", call)

    def disturbed(self, moment: int) -> bool:
        """Acting, and being refused; whether a report got out that says so."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 2
            try:
                newest = self.agent().outbox.newest()
                moments = self.watch(lambda now: self._refuse(now, moment))
                with contextlib.suppress(errors.AdminError):
                    self.act()
                status = 0 if moments[0] < moment or self._told(newest) else 3
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != 2, f"a mistake of ours at {moment}"
        assert status == 0, f"no report tells of a refusal at {moment}"
        return True

    def _refuse(self, now: int, moment: int) -> None:
        if now == moment or (self.lasting and now > moment):
            raise OSError(self.error, os.strerror(self.error))

    def _told(self, newest: int) -> bool:
        """A report that had to go to the other disk says it by being there."""
        agent = self.agent()
        found = dict(agent.outbox.after(newest))
        spare = list(agent.config.runtime.glob("*.json"))
        told = (word in content for word in self.told for content in found.values())
        return bool(spare) or any(told)


class ReadOnly(Full):
    """The disk becomes read-only: there is no change after that moment."""

    error = errno.EROFS
    lasting = True


class Unreadable(Full):
    """The disk does not give a file of the agent's memory, or the list of them, once."""

    error = errno.EIO
    # What is not known for a moment only, and is when it matters, needs no word.
    told = (b"",)

    def watch(self, call: Callable[[int], None]) -> list[int]:
        counted = [0]
        memory = str(self.directory / "state" / "agent")

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if _reads(memory, event, arguments):
                counted[0] += 1
                call(counted[0])

        sys.addaudithook(hook)
        return counted

    def check(self, whole: Self) -> str:
        """What decides was not given up; somebody has looked at what was set aside."""
        memory = self.agent().config.agent_state
        asides = {path.name.partition(".")[0]: path for path in memory.glob("*.damaged-*")}
        for path in asides.values():
            path.unlink()
        lost = sorted(asides.keys() & {"ledger", "debts", "trials", "undone", "journal"})
        return "; ".join(filter(None, (super().check(whole), ", ".join(lost))))


def _reads(memory: str, event: str, arguments: tuple[object, ...]) -> bool:
    """Whether a file below `memory`, or that directory itself, is about to be read."""
    path = str(arguments[0]) if arguments else ""
    if event in ("os.listdir", "os.scandir"):
        return path == memory
    if event != "open" or not path.startswith(f"{memory}/"):
        return False
    return isinstance(arguments[2], int) and not arguments[2] & _NOT_READING
