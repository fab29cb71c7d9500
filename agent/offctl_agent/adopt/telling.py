"""What is said of a host that was taken over: its text, and a few lines for people."""

from offctl.desired.model import BindMount
from offctl.text import visible
from offctl_agent.adopt import site
from offctl_agent.adopt.adopting import Adopted


def text(done: Adopted, identity: str = "") -> str:
    """The site of this host."""
    return site.text(done.built, done.lefts, identity=identity)


def status(done: Adopted) -> int:
    """The exit status: 0 when all is told and a plan empty, 1 with a plan, 2 when not whole.

    What was asked for and is not there is not whole either.
    """
    missing = any(left.unread or left.absent for left in done.lefts)
    return 2 if missing else int(not done.plan.empty)


def summary(done: Adopted) -> list[str]:
    """How much was taken over, what is not, and the proof that nothing would change."""
    desired = done.built.desired
    mounts = [mount for container in desired.containers for mount in container.mounts]
    binds = sum(isinstance(mount, BindMount) for mount in mounts)
    parts = (
        (len(desired.datasets), "dataset"),
        (len(desired.containers), "container"),
        (binds, "mount"),
        (len(mounts) - binds, "volume"),
        (len(desired.tunnels), "tunnel end"),
    )
    counted = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in parts)
    hazards = [left for left in done.lefts if left.hazard]
    lines = [f"{desired.host}: {counted}"]
    lines += [visible(f"! {left.what}: {left.reason}") for left in hazards]
    others = len(done.lefts) - len(hazards)
    if others:
        lines.append(f"not taken over: {others}, listed with the reasons at the end of the text")
    if any(left.unread for left in done.lefts):
        lines.append("not everything could be read: this text is not whole; mend that, ask again")
    if done.plan.empty:
        lines.append("plan with this text: empty, nothing would change")
    else:
        lines.append(f"plan with this text: {len(done.plan.steps)} left that no text can hide:")
        lines += [
            visible(f"  {step.resource.label}: {step.reason or step.text}") for step in done.plan
        ]
    return lines
