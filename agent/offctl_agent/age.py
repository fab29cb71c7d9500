"""How long ago the host was looked at: a plan is carried out only while what it was made of is new.

Whoever was stopped in between (Ctrl-Z, a debugger, a virtual machine that was paused) and goes on
later must not act on what was true then.
"""

from datetime import timedelta

from offctl_agent.circumstances import Circumstances

# Steps of minutes are normal; the plan that is left after them is made anew.
LASTS = timedelta(minutes=5)


class Age:
    """Of one look at the host, counted from before it began."""

    def __init__(self, circumstances: Circumstances) -> None:
        self._circumstances = circumstances
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
        if age <= LASTS:
            return ""
        return f"the host was looked at {age.total_seconds() / 60:.0f} minutes ago; looked again"
