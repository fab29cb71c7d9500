"""What a site asks of its hosts, and whether another text asks the same."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from offctl.desired.model import Container, Dataset, DesiredState, TunnelEnd
from offctl_cli.site import compiler, finding, lint, load, model, source

Tables = dict[str, Any]


def site_of(tables: Tables, name: str) -> model.Site:
    """The tables as if they had been read from a file."""
    return load.parse(source.Source(tables, {}, finding.Place(name, 0), ()))


def states(tables: Tables, name: str) -> Mapping[str, DesiredState]:
    """What the tables ask of each host."""
    return {state.host: state for state in compiler.compile(site_of(tables, name)).states}


def complaints(tables: Tables, name: str) -> tuple[finding.Finding, ...]:
    """Every error in the tables, the rules included."""
    site = site_of(tables, name)
    compiled = compiler.compile(site)
    found = (*compiled.findings, *lint.run(site, compiled, None))
    return tuple(each for each in found if each.severity is finding.Severity.ERROR)


def difference(before: DesiredState, after: DesiredState | None) -> str:
    """What `after` asks otherwise, names aside; empty when it asks the same."""
    if after is None:
        return f"host {before.host} is not in it"
    for word in ("mode", "identity", "pools", "unmanaged", "subids"):
        if getattr(before, word) != getattr(after, word):
            return f"{word} of {before.host}"
    return (
        _first(
            {each.name: each for each in before.datasets},
            {each.name: _like(each, before) for each in after.datasets},
        )
        or _first(
            {str(each.id): _plain(each) for each in before.containers},
            {str(each.id): _plain(each) for each in after.containers},
        )
        or ("" if _ends(before) == _ends(after) else f"tunnels of {before.host}")
    )


def _like(dataset: Dataset, before: DesiredState) -> Dataset:
    """Its logical name is free; so is saying of what nobody set that nobody shall set it."""
    found = next((each for each in before.datasets if each.name == dataset.name), dataset)
    unset = {name for name, _ in found.properties}
    kept = tuple(n for n in dataset.inherit if n in found.inherit or n in unset)
    return replace(dataset, logical=found.logical, inherit=kept)


def _plain(container: Container) -> Container:
    return replace(container, name="")


def _ends(state: DesiredState) -> set[tuple[object, ...]]:
    def end(each: TunnelEnd) -> tuple[object, ...]:
        at = (each.container, each.instance, each.section, each.role)
        return (*at, each.accept, each.connect, each.kept)

    return {end(each) for each in state.tunnels}


def _first(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            return f"{name}: {before.get(name)} is not {after.get(name)}"
    return ""
