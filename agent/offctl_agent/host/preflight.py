"""What is looked at before a container is started, with the words that pct does not find.

pct start fails without naming the path of a missing source, and does not notice a dataset that is
not mounted: it binds the empty directory below. This room only looks.
"""

from offctl.observed import Configuration
from offctl.planner import actions as act
from offctl.planner import mounts
from offctl_agent.host import beliefs
from offctl_agent.host.doors import Sources


def reason(now: Configuration, sources: tuple[act.Source, ...], doors: Sources) -> str:
    """Why the container must not be started now; empty when it may. Raises OffctlError."""
    if unread := beliefs.unreadable_mounts(now):
        return f"PVE cannot read {', '.join(unread)} and would start it without that mount"
    if ungranted := beliefs.ungranted(now, doors.granted()):
        return ungranted
    for source in sources:
        if why := doors.unfit(source):
            return f"source {source.path}: {why}"
    known = {source.path for source in sources}
    for line in mounts.lines(mounts.merged(now))[0]:
        path = line.parts["volume"]
        # Whatever else is bound, by whomever: pct would stumble over it without a name.
        if not path.startswith("/") or path.startswith("/dev/") or path in known:
            continue
        if why := doors.obstacle(path):
            return f"mp{line.index}: source {path}: {why}"
    return ""
