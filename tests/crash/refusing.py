"""Two more rooms: the disk with the agent's own files refuses a change, or all from some moment."""

import contextlib
import errno
import os
from pathlib import Path
import traceback
import warnings

from crash.room import Room, before_changes
from offctl import errors

TOLD = b"cannot write"


class Full(Room):
    """There is no room for one change of the agent's own files, and again for the next."""

    error = errno.ENOSPC
    lasting = False

    @property
    def within(self) -> Path:
        """The report has another disk to go to."""
        return self.directory / "state"

    def disturbed(self, moment: int) -> bool:
        """Acting, and being refused; whether a report got out that says so."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 2
            try:
                newest = self.agent().outbox.newest()
                changes = before_changes(self.within, lambda now: self._refuse(now, moment))
                with contextlib.suppress(errors.AdminError):
                    self.act()
                status = 0 if changes[0] < moment or self._told(newest) else 3
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
        return bool(spare) or any(TOLD in content for content in found.values())


class ReadOnly(Full):
    """The disk becomes read-only: there is no change after that moment."""

    error = errno.EROFS
    lasting = True
