"""The run state: start what should run, restart what waits for it, never kill."""

from offctl.desired.model import BindMount, Container, RunState
from offctl.observed import ObservedContainer
from offctl.planner import actions, idmaps, mounts, options, resources
from offctl.planner.draft import Draft
from offctl.planner.plan import Effect, Origin
from offctl.report import Difference

RUN = "run"
RUNNING = "running"
STOPPED = "stopped"
STARTED = "started"


def plan(
    container: Container,
    there: ObservedContainer,
    draft: Draft,
    *,
    sources: tuple[actions.Source, ...],
    emptied: str,
    audited: bool,
    mapped: bool,
    changing: bool,
) -> None:
    """Plan one container's run state against what is really running.

    A container that never ran and whose id-map is not right (`mapped`) stays down: its first start
    would give its files to the wrong users. One that is about to change (`changing`) is not
    restarted before that: the next look tells whether it still has to be. `emptied` says why
    nothing may be started or restarted because of what it would be shown.
    """
    resource = resources.container(container.id, container.name)
    if there.running:
        draft.settled(resource, STARTED, "yes")
    if container.run is RunState.RUNNING and not there.running:
        if options.same("template", "1", there.configuration.option("template")):
            reason = "it is a template, and PVE starts none"
            draft.blocked(resource, "start", reason, [Difference(RUN, STOPPED, RUNNING)])
            return
        if emptied:
            draft.blocked(resource, "start", emptied, [Difference(RUN, STOPPED, RUNNING)])
            return
        if not mapped and draft.ledger.entry(resource.key, STARTED) is None:
            reason = "its id-map is not as desired, and it was never seen running with this one"
            draft.blocked(resource, "start", reason, [Difference(RUN, STOPPED, RUNNING)])
            return
        draft.step(
            resource,
            "start",
            actions.StartContainer(container.id, sources),
            differences=[Difference(RUN, STOPPED, RUNNING)],
            requires=[resources.dataset(source.dataset).key for source in sources],
            container=container.id,
            audited=audited,
        )
    elif container.run is RunState.STOPPED and there.running:
        draft.step(
            resource,
            "shut down",
            actions.ShutDownContainer(container.id),
            differences=[Difference(RUN, RUNNING, STOPPED)],
            effect=Effect.RESTART,
            container=container.id,
            audited=audited,
        )
    else:
        if container.run is not RunState.AS_IS:
            draft.settled(resource, RUN, container.run.value)
        if not changing:
            _plan_restart(
                container, there, draft, sources=sources, emptied=emptied, audited=audited
            )


def _plan_restart(
    container: Container,
    there: ObservedContainer,
    draft: Draft,
    *,
    sources: tuple[actions.Source, ...],
    emptied: str,
    audited: bool,
) -> None:
    waiting = list(_waiting(container, there, draft))
    if not waiting:
        return
    if emptied:
        resource = resources.container(container.id, container.name)
        draft.blocked(resource, "restart", emptied, waiting)
        return
    draft.step(
        resources.container(container.id, container.name),
        "restart",
        actions.RestartContainer(container.id, sources),
        differences=waiting,
        requires=[resources.dataset(source.dataset).key for source in sources],
        effect=Effect.RESTART,
        container=container.id,
        audited=audited,
        # What waits was written by a step of its own; the restart only brings it into effect.
        origin=Origin.WANTED,
    )


def _waiting(container: Container, there: ObservedContainer, draft: Draft) -> list[Difference]:
    """What is written in the file and not in effect in the running container.

    A value that somebody else left waiting for a key that is not in the text is theirs.
    """
    if there.effective is None:
        return []
    file = there.configuration
    resource = resources.container(container.id)
    written = {key for key, _ in container.options} | {f"net{n.index}" for n in container.networks}
    waiting = [
        Difference(key, file.option(key) or "absent", value)
        for key, value in file.pending
        if key in written or key.startswith("mp") or draft.ledger.ours(resource.key, key)
    ]
    waiting += [Difference(k, file.option(k) or "absent", "absent") for k in file.pending_delete]
    in_effect = dict(there.effective.mounts)
    configured = {line.target: line for line in mounts.lines(file.options)[0]}
    for mount in container.mounts:
        line = configured.get(mount.target)
        if not isinstance(mount, BindMount) or line is None or not mounts.same(mount, line):
            continue
        shown = in_effect.get(mount.target, "nothing")
        if shown != mount.source:
            waiting.append(Difference(f"mount {mount.target}", shown, mount.source))
    if not idmaps.in_effect(container, there):
        now = idmaps.describe(there.effective.idmap)
        waiting.append(Difference(idmaps.FIELD, now, idmaps.describe(idmaps.lines(file))))
    return waiting
