"""From the texts of hosts to one site that asks the same of each of them."""

from collections.abc import Callable, Mapping, Sequence
import copy
from dataclasses import dataclass

from offctl import errors
from offctl.desired.model import DesiredState
from offctl_cli.adopt import applications, copies, folding, meaning, profiles, tunnels
from offctl_cli.adopt.folding import Folded, Text


@dataclass(frozen=True, slots=True)
class Merged:
    """The site, and what was noticed."""

    folded: Folded
    complaints: tuple[str, ...]


def merge(texts: Sequence[Text], name: str, clusters: Mapping[str, str]) -> Merged:
    """One site for all; raises AuthorError when it would ask something else of a host."""
    for text in texts:
        if found := meaning.complaints(text.tables, text.source):
            raise errors.AuthorError(
                f"cannot merge {text.source}: {found[0].text}",
                hint=found[0].hint or "mend that first",
            )
    before = [
        state for each in texts for state in meaning.states(each.tables, each.source).values()
    ]
    folded = folding.fold(texts, name, clusters)
    tunnels.join(folded)
    if changed := _changed(before, folded, name):
        raise errors.AuthorError(
            f"cannot merge: the site would ask something else: {changed}",
            hint="merge fewer of them, and please report this",
        )
    copies.tell(folded)
    for what, step in (("applications", applications.recognise), ("profiles", profiles.recognise)):
        folded = _tried(what, step, before, folded, name)
    wrong = meaning.complaints(folded.tables, name)
    return Merged(folded, tuple(f"{each.code}: {each.text}" for each in wrong))


def _tried(
    what: str,
    step: Callable[[Folded], None],
    before: Sequence[DesiredState],
    folded: Folded,
    name: str,
) -> Folded:
    """With what was recognised, if that asks the same of every host."""
    tried = copy.deepcopy(folded)
    step(tried)
    changed = _changed(before, tried, name)
    if not changed:
        return tried
    folded.notes.append(
        f"{what}: written out, for by the rules it would not be the same: {changed}"
    )
    return folded


def _changed(before: Sequence[DesiredState], folded: Folded, name: str) -> str:
    after = meaning.states(folded.tables, name)
    said = (meaning.difference(state, after.get(state.host)) for state in before)
    return next((each for each in said if each), "")
