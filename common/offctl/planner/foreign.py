"""Whether the container that has an id of ours is another one: then it is left alone.

The hostname tells. Once a container was seen to be the one the text means, its name may differ:
then somebody changed it, and it is changed back.
"""

from offctl.desired.model import Container
from offctl.observed import ObservedContainer
from offctl.planner import resources
from offctl.planner.ledger import EXISTS, Ledger

HOSTNAME = "hostname"


def reason(container: Container, there: ObservedContainer, ledger: Ledger) -> str:
    """Why it is not ours to touch; empty when it is."""
    if ledger.entry(resources.container(container.id).key, EXISTS) is not None:
        return ""
    wanted = dict(container.options).get(HOSTNAME)
    found = there.configuration.option(HOSTNAME)
    if wanted is None or found is None or found.lower() == wanted.lower():
        return ""
    return (
        f"the container with id {container.id} here is {found!r}, not {wanted!r}; choose another "
        f"id, or let it be this one with `pct set {container.id} --hostname {wanted}`"
    )
