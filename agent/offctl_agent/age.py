"""How long ago the host was looked at: a plan is carried out only while what it was made of is new.

Whoever was stopped in between (Ctrl-Z, a debugger, a virtual machine that was paused) and goes on
later must not act on what was true then.
"""

from datetime import datetime, timedelta

from offctl_agent.circumstances import Circumstances

# Steps of minutes are normal; the plan that is left after them is made anew.
LASTS = timedelta(minutes=5)


class Age:
    """Of the last look at the host, counted from before it began.

    There is one for a run: a release that expires at `until` in the middle of it does not end it,
    except one that takes longer than a plan lasts, whatever it spent the time on.
    """

    def __init__(self, circumstances: Circumstances, until: datetime) -> None:
        self._circumstances = circumstances
        self._until = until
        self._begun = circumstances.began or circumstances.clock()
        self.renew()

    def renew(self) -> None:
        """The host is looked at again from now on."""
        self._elapsed = self._circumstances.elapsed()
        self._time = self._circumstances.clock()

    def outdated(self) -> str:
        """Why what was seen may no longer be true; empty while it is new enough."""
        # A machine that is paused counts no seconds, but is told the time afterwards. A clock that
        # was only put right costs one look more.
        by_clock = abs(self._circumstances.clock() - self._time)
        age = max(timedelta(seconds=self._circumstances.elapsed() - self._elapsed), by_clock)
        if over := self.expired():
            return over
        if age <= LASTS:
            return ""
        return f"the host was looked at {age.total_seconds() / 60:.0f} minutes ago; looked again"

    def expired(self, patience: timedelta = timedelta()) -> str:
        """Why nothing may be done by the release any more; empty while it may.

        What the run itself has to wait for, `patience` at the most, it may take longer.
        """
        now = self._circumstances.clock()
        if now >= self._until and now - self._begun > LASTS + patience:
            return "the release has expired since this run began"
        return ""
