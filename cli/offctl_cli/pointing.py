"""How people point at a resource or a property: off2/containers/off/mounts/mnt/off/products. Pure.

HOST, then `containers/NAME`, `datasets/NAME` or `tunnels/NAME/client`; below a container
`mounts/PATH` and `networks/NAME`, below a dataset `directories/PATH`; then the property, if one is
meant. A container has its id as a second name, a dataset its ZFS name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import difflib

from offctl import errors
from offctl.desired import facts
from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState


@dataclass(frozen=True, slots=True)
class Pointed:
    """A resource of a host and one of its properties; empty for all of them."""

    state: DesiredState
    resource: Resource
    property: str


def find(text: str, states: Iterable[DesiredState]) -> Pointed:
    """What `text` points at; raises AuthorError, with what it may have meant."""
    known = {state.host: state for state in states}
    host, _, rest = text.strip("/").partition("/")
    if host not in known:
        raise _nothing(text, f"there is no host {host[:80]!r}", host, known)
    state = known[host]
    found = dict(addresses(state))
    # A path may hold slashes, so the longest address counts.
    for length in range(len(rest), -1, -1):
        if length not in (0, len(rest)) and rest[length] != "/":
            continue
        resource = found.get(rest[:length])
        if resource is None:
            continue
        wanted = rest[length:].strip("/")
        properties = facts.facts(state)[resource]
        if not wanted or wanted in properties:
            return Pointed(state, resource, wanted)
        if rest[:length] or "/" not in wanted:
            why = f"{facts.called(resource, state)} is not asked for {wanted[:80]!r}"
            raise _nothing(text, why, wanted, [*properties, *_below(rest[:length], found)])
    raise _nothing(text, f"{host} has nothing there", rest, found)


def addresses(state: DesiredState) -> Iterator[tuple[str, Resource]]:
    """Every address below a host, with what stands there; some things have two."""
    yield "", ("host", state.host)
    for container in state.containers:
        number = str(container.id)
        for name in (container.name, number):
            yield f"containers/{name}", ("container", number)
            for mount in container.mounts:
                yield (
                    f"containers/{name}/mounts{mount.target}",
                    ("mount", f"{number}:{mount.target}"),
                )
            for network in container.networks:
                at = f"containers/{name}/networks/{network.name}"
                yield at, ("network", f"{number}:{network.name}")
    for dataset in state.datasets:
        for name in (dataset.logical, dataset.name):
            yield f"datasets/{name}", ("dataset", dataset.name)
            for directory in dataset.directories:
                at = f"datasets/{name}/directories/{directory.path}"
                yield at, ("directory", f"{dataset.name}:{directory.path}")
    for kind, identity in facts.facts(state):
        if kind == "tunnel":
            yield f"tunnels/{identity}", (kind, identity)


def _below(address: str, found: Iterable[str]) -> list[str]:
    return [each[len(address) + 1 :] for each in found if each.startswith(f"{address}/")]


def _nothing(text: str, why: str, word: str, known: Iterable[str]) -> errors.AuthorError:
    names = [name for name in known if name]
    near = difflib.get_close_matches(word, names, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names[:12])}"
    return errors.AuthorError(f"cannot explain {text[:200]!r}: {why}", hint=hint)
