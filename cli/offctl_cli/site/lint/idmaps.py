"""Rules about id-maps: every id mapped once, and every range granted to root."""

from collections.abc import Iterator

from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import ranges, rule

_KINDS = {"u": "user", "g": "group"}


@rule.error("idmap-gap", "An id-map leaves no id from 0 to 65535 out.")
def idmap_gap(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for path, lines in _mapped(compiled):
        for kind, word in _KINDS.items():
            for first, last in ranges.gaps(lines, kind):
                ids = f"{word} id {first}" if first == last else f"{word} ids {first} to {last}"
                text = f"{key.shown(path)} leaves {ids} unmapped"
                hint = 'files of such an id belong to nobody: write identity = ["1000-65535"]'
                yield (*path, "lines"), text, hint


@rule.error("idmap-overlap", "An id-map maps no id twice, inside or on the host.")
def idmap_overlap(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for path, lines in _mapped(compiled):
        for kind, word in _KINDS.items():
            for twice in ranges.overlaps(lines, kind):
                text = f"{key.shown(path)}: {word}s: {twice}"
                yield (*path, "lines"), text, "the container would not start"


@rule.error("subid-missing", "subordinate_ids of a host grant all that its id-maps need.")
def subid_missing(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for state in compiled.states:
        written = site.hosts[state.host].subordinate_ids
        if written is None:
            continue
        for container in state.containers:
            lines = container.idmap or (ranges.PVE_DEFAULT if container.unprivileged else ())
            for missing in dict.fromkeys(
                each for kind in _KINDS for each in ranges.ungranted(lines, state.subids, kind)
            ):
                text = (
                    f"hosts.{state.host}.subordinate_ids does not grant {missing}, "
                    f"which containers.{container.name} needs"
                )
                hint = "add the range, or leave subordinate_ids out and it follows"
                yield ("hosts", state.host, "subordinate_ids"), text, hint


def _mapped(compiled: Compiled) -> Iterator[tuple[key.Path, ranges.Lines]]:
    for state in compiled.states:
        for container in state.containers:
            if container.idmap:
                yield ("containers", container.name, "idmap"), container.idmap


RULES = (idmap_gap, idmap_overlap, subid_missing)
