"""All that a host's plan depends on besides the text: what it sees, remembers and owes.

A view leaves its host, so it says less than the host knows: what people may have written into
free text stays there, and so does whatever no plan is made from.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from offctl.desired import properties
from offctl.desired.model import DesiredState, TunnelEnd
from offctl.observed import (
    Configuration,
    ObservedContainer,
    ObservedDataset,
    ObservedInstance,
    ObservedState,
    Unknown,
)
from offctl.planner import resources
from offctl.planner.debts import Debt
from offctl.planner.ledger import Entry, Ledger

# In the place of a value that stays on its host.
HIDDEN = "(stays on the host)"

# Options in which people may have written anything, passwords too.
FREE_TEXT = frozenset({"description", "env", "entrypoint", "hookscript"})
_PLANNED_RAW = "lxc.idmap"


@dataclass(frozen=True, slots=True)
class View:
    """`ledger` has (key, field, value, ours). `ends` and the keys of `services` were asked about.

    `user_properties` are the names of user properties that were carried along; of others nothing
    is known.
    """

    observed: ObservedState
    ledger: tuple[tuple[str, str, str, bool], ...] = ()
    debts: tuple[Debt, ...] = ()
    ends: tuple[TunnelEnd, ...] = ()
    user_properties: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def remembered(self) -> Ledger:
        """The ledger as the host's own planner gets it."""
        entries: dict[str, dict[str, Entry]] = {}
        for key, field, value, ours in self.ledger:
            entries.setdefault(key, {})[field] = Entry(value, ours)
        return Ledger(entries)


def of(
    desired: DesiredState, observed: ObservedState, ledger: Ledger, debts: Iterable[Debt]
) -> View:
    """The view of a host that was looked at for `desired`."""
    names = _user_properties(desired, ledger)
    return View(
        observed=_carried(observed, frozenset(names), ledger),
        ledger=tuple((key, field, entry.value, entry.ours) for key, field, entry in ledger),
        debts=tuple(debts),
        ends=desired.tunnels,
        user_properties=names,
        services=tuple(
            resources.service(container.id, name).key
            for container in desired.containers
            for name in container.services
        ),
    )


def _user_properties(desired: DesiredState, ledger: Ledger) -> tuple[str, ...]:
    """The names that the text or the memory of it speaks of, and our own."""
    spoken = {name for each in desired.datasets for name, _ in each.properties}
    spoken |= {name for each in desired.datasets for name in each.inherit}
    spoken |= {field for key, field, _ in ledger if key.startswith("dataset ")}
    return tuple(sorted(name for name in spoken if ":" in name))


def _carried(observed: ObservedState, names: frozenset[str], ledger: Ledger) -> ObservedState:
    return replace(
        observed,
        # Free bytes change all the time, and no plan is made from them.
        pools=observed.pools
        if isinstance(observed.pools, Unknown)
        else tuple((name, 0) for name, _ in observed.pools),
        datasets=observed.datasets
        if isinstance(observed.datasets, Unknown)
        else tuple(_dataset(each, names) for each in observed.datasets),
        containers=observed.containers
        if isinstance(observed.containers, Unknown)
        else tuple(
            _container(each, ledger) if isinstance(each, ObservedContainer) else each
            for each in observed.containers
        ),
        tunnels=tuple(_instance(each) for each in observed.tunnels),
        space=(),
    )


def _instance(instance: ObservedInstance) -> ObservedInstance:
    """How old a proof is changes with every run, and no plan is made from it."""
    return replace(instance, ends=tuple(replace(end, proof_age=0) for end in instance.ends))


def _dataset(dataset: ObservedDataset, names: frozenset[str]) -> ObservedDataset:
    kept = tuple(
        (name, value)
        for name, value in dataset.properties
        if ":" not in name or name in names or name.startswith(properties.OWN_PREFIX)
    )
    return replace(dataset, properties=kept)


def _container(there: ObservedContainer, ledger: Ledger) -> ObservedContainer:
    file = there.configuration
    return replace(
        there,
        configuration=Configuration(
            options=tuple(_options(there.id, file.options, ledger)),
            raw=tuple(pair for pair in file.raw if pair[0] == _PLANNED_RAW),
            pending=tuple(_options(there.id, file.pending, ledger)),
            pending_delete=file.pending_delete,
            digest=file.digest,
        ),
    )


def _options(
    number: int, options: Iterable[tuple[str, str]], ledger: Ledger
) -> Iterator[tuple[str, str]]:
    """Free text is carried only where it is what a release said."""
    for key, value in options:
        known = ledger.entry(resources.container(number).key, key)
        said = known is not None and known.value.rstrip("\n") == value.rstrip("\n")
        yield key, value if said or key not in FREE_TEXT else HIDDEN
