"""Services that must run inside a container: told of, never started from outside."""

from offctl.desired.model import Container
from offctl.observed import SERVICE_RUNS, ObservedContainer
from offctl.planner import resources
from offctl.planner.draft import Draft


def tell(container: Container, there: ObservedContainer, draft: Draft) -> None:
    """One finding for each service that does not run in a running container."""
    if there.effective is None:
        return
    wanted = set(container.services)
    for name, state in there.effective.services:
        if name in wanted and state != SERVICE_RUNS:
            draft.drift(resources.service(container.id, name, container.name), state)
