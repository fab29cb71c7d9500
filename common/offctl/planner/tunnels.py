"""Tunnels: each stunnel instance with its files, in force and proven; and other stunnels."""

from collections.abc import Iterable
import hashlib

from offctl.desired import tunnelplaces
from offctl.desired.model import Container, DesiredState, Mode, RunState, TunnelEnd
from offctl.observed import ObservedContainer, ObservedInstance, ObservedState, Unknown
from offctl.planner import actions, resources
from offctl.planner.draft import ABSENT, Draft
from offctl.planner.ledger import EXISTS
from offctl.planner.plan import Effect, Resource
from offctl.report import Difference

FILES = "files"
IN_FORCE = "in force"
PROOF = "proof"
KEY = "key"

Instances = dict[tuple[int, str], tuple[TunnelEnd, ...]]


def grouped(ends: Iterable[TunnelEnd]) -> Instances:
    """Ends by the instance that serves them: its container and its name."""
    found: dict[tuple[int, str], list[TunnelEnd]] = {}
    for end in ends:
        found.setdefault((end.container, end.instance), []).append(end)
    return {key: tuple(found[key]) for key in sorted(found)}


def plan_directories(observed: ObservedState, draft: Draft) -> None:
    """The directories that containers show: they must be there before they can be mounted."""
    for instance in observed.tunnels:
        if instance.kept:
            continue
        resource = resources.directory(tunnelplaces.of_container(instance.container))
        if instance.directory:
            draft.settled(resource, f"{instance.instance} {EXISTS}", "yes")
            continue
        draft.step(
            resource,
            f"make {instance.instance}",
            actions.MakeTunnelDirectory(instance.container, instance.instance),
            differences=[Difference(f"{instance.instance} {EXISTS}", ABSENT, "yes")],
        )


def plan(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Plan every instance after its container, and tell of every stunnel that is not ours."""
    seen = {(each.container, each.instance): each for each in observed.tunnels}
    containers = {container.id: container for container in desired.containers}
    for key, ends in grouped(desired.tunnels).items():
        container = containers.get(key[0])
        name = "" if container is None else container.name
        resource = resources.stunnel(*key, name)
        draft.counts(resource)
        for end in ends:
            draft.counts(resources.tunnel(end.name, end.role))
        there = seen.get(key)
        if container is not None and not _open(container, observed, kept=ends[0].kept):
            continue  # what keeps it from being looked into is told with the container itself
        if there is None or there.unknown:
            draft.unknown(resource, "it was not looked at" if there is None else there.unknown)
            continue
        if there.kept:
            _plan_kept(there, ends, resource, draft)
            continue
        if reason := there.refusal or there.obstacle:
            difference = Difference(IN_FORCE, "unknown", _wish(ends))
            draft.blocked(resource, "renew", reason, [difference])
            continue
        _plan(desired.site, there, ends, resource, container, draft)
    _strays(observed, draft)


def _plan(
    site: str,
    there: ObservedInstance,
    ends: tuple[TunnelEnd, ...],
    resource: Resource,
    container: Container | None,
    draft: Draft,
) -> None:
    wish = _wish(ends)
    wrong = [*there.different, *(f"{what} is not set up" for what in there.missing)]
    wrong += [f"{name} is not needed any more" for name in there.leftover]
    differences = []
    if wrong:
        differences.append(Difference(FILES, _few(wrong), wish))
    else:
        draft.settled(resource, FILES, wish)
    if there.running and there.loaded and not there.different:
        draft.settled(resource, IN_FORCE, wish)
    else:
        differences.append(Difference(IN_FORCE, _state(there), wish))
    if there.uncut:
        up = f"connections of {_few(there.uncut)}"
        differences.append(Difference("revoked keys", f"{up} may be up", "cut"))
    if differences:
        draft.step(
            resource,
            _text(there),
            actions.RenewTunnels(site, there.container, there.instance, ends),
            differences=differences,
            requires=_requires(there.container),
            effect=Effect.RELOAD if there.running else Effect.ONLINE,
            container=there.container,
            audited=container is not None and container.mode is Mode.AUDIT,
        )
    _ends(there, draft, quiet=bool(differences))


def _plan_kept(
    there: ObservedInstance, ends: tuple[TunnelEnd, ...], resource: Resource, draft: Draft
) -> None:
    """What people made is only looked at; what is wrong with it is theirs to mend."""
    wrong = [text for text in (there.refusal, there.obstacle) if text] or list(there.different)
    if not wrong and not there.loaded:
        wrong.append(_state(there))
    if wrong:
        difference = Difference(IN_FORCE, _few(wrong), _wish(ends))
        reason = f"kept as people made it, and not as the text says: {_few(wrong)}"
        draft.blocked(resource, "keep", reason, [difference])
    else:
        draft.settled(resource, IN_FORCE, _wish(ends))
        _ends(there, draft, quiet=False)


def _ends(there: ObservedInstance, draft: Draft, *, quiet: bool) -> None:
    """Whether each end works; while its instance is being renewed that says nothing yet."""
    told = set()
    for end in there.ends:
        resource = resources.tunnel(end.name, end.role)
        reason = end.trouble or ("" if quiet else end.proof or "")
        if reason and resource.key not in told:
            told.add(resource.key)
            draft.blocked(resource, "prove", reason, [Difference(PROOF, "broken", "stays up")])
            continue
        if end.proof == "":
            draft.settled(resource, PROOF, "stays up")
        if end.aged and resource.key not in told:
            told.add(resource.key)
            draft.blocked(resource, "rotate", end.aged, [Difference(KEY, "of before", "new")])


def _open(container: Container, observed: ObservedState, *, kept: bool) -> bool:
    """Whether the container runs, is to run, and sees the files that its stunnel should read."""
    if container.run is RunState.STOPPED or isinstance(observed.containers, Unknown):
        return False
    for there in observed.containers:
        if isinstance(there, ObservedContainer) and there.id == container.id:
            shown = () if there.effective is None else there.effective.mounts
            seen = any(target == tunnelplaces.INSIDE for target, _ in shown)
            return there.running and (kept or seen)
    return False


def _requires(number: int) -> list[str]:
    directory = resources.directory(tunnelplaces.of_container(number)).key
    return [directory, resources.container(number).key] if number else [directory]


def _text(there: ObservedInstance) -> str:
    if there.uncut and there.running:
        return "write and restart: every connection through it is cut"
    if not there.running:
        return "write and start" if there.different else "start"
    if there.different or not there.loaded:
        return "write and reload" if there.different else "reload"
    return "put in order"


def _state(there: ObservedInstance) -> str:
    if not there.running:
        return "not running"
    if there.surplus:
        return f"also listens at {_few(there.surplus)}"
    return "not loaded"


def _wish(ends: Iterable[TunnelEnd]) -> str:
    """What an instance should serve, in words that change whenever the text does."""
    told = tuple(ends)
    digest = hashlib.sha256(repr(told).encode()).hexdigest()[:8]
    return f"{_few(sorted({f'{e.name} {e.role} g{e.generation}' for e in told}))} [{digest}]"


def _few(texts: Iterable[str]) -> str:
    every = tuple(texts)
    return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")


def _strays(observed: ObservedState, draft: Draft) -> None:
    if isinstance(observed.strays, Unknown):
        draft.unknown(resources.stray("this host", "any"), observed.strays.reason)
        return
    for stray in observed.strays:
        resource = resources.stray(stray.place, stray.configuration)
        if stray.exposed:
            draft.blocked(
                resource,
                "close",
                f"it listens at {_few(stray.exposed)}, where others than private networks can "
                "reach it, and nothing in the text asks for it: stop it, or declare the tunnel",
                [Difference("listens", _few(stray.listening), ABSENT)],
            )
        else:
            draft.unmanaged(resource, f"it listens at {_few(stray.listening) or 'nothing'}")
