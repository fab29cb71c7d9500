"""What two states of a site ask for differently: by host, resource and property. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offctl.desired import facts
from offctl.desired.model import DesiredState
from offctl_cli.revisions import Revision

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, slots=True)
class Property:
    """One property; an empty side does not speak of it."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One resource of one host; `place` says where the newer (or only) text has it, if known."""

    host: str
    kind: str
    identity: str
    label: str
    what: str
    properties: tuple[Property, ...]
    place: str


def changes(before: Revision, after: Revision) -> tuple[Change, ...]:
    """Everything that differs, sorted by host and resource."""
    return tuple(
        change
        for host in sorted(before.states.keys() | after.states.keys())
        for change in _host(host, before, after)
    )


def _host(host: str, before: Revision, after: Revision) -> Iterator[Change]:
    old, new = before.states.get(host), after.states.get(host)
    was, now = _facts(old), _facts(new)
    for resource in sorted(was.keys() | now.keys()):
        values, wanted = was.get(resource, {}), now.get(resource, {})
        if values == wanted:
            continue
        what = CHANGED if values and wanted else ADDED if wanted else REMOVED
        state = new if wanted else old
        assert state is not None
        where = (after if wanted else before).places.get((host, *_written(resource)))
        yield Change(
            host,
            *resource,
            facts.called(resource, state),
            what,
            tuple(_properties(values, wanted)),
            "" if where is None else str(where),
        )


def _facts(state: DesiredState | None) -> facts.Facts:
    return {} if state is None else facts.facts(state)


def _written(resource: facts.Resource) -> facts.Resource:
    """How the compiler calls it: both generations of a rotation come from one stanza."""
    kind, identity = resource
    return kind, identity.partition(" generation ")[0] if kind == "tunnel" else identity


def _properties(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Property]:
    for name in sorted(was.keys() | now.keys()):
        before, after = was.get(name, ""), now.get(name, "")
        if before != after:
            yield Property(name, before, after)
