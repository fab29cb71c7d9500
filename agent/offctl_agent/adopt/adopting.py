"""Looking at a live host until the text is known with which nothing on it would change.

Reads only. Three looks: at everything, closely at what could be taken over, and at what was.
"""

from dataclasses import dataclass

from offctl.desired.model import DesiredState, Mode
from offctl.planner import planner
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Plan
from offctl_agent import identity as identities
from offctl_agent.adopt import settle
from offctl_agent.adopt.build import Built, build
from offctl_agent.adopt.left import Left, Lefts
from offctl_agent.adopt.survey import Survey
from offctl_agent.config import Config
from offctl_agent.host.protocol import Adoptable


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over, what was not, and the plan that a run with this text would have."""

    built: Built
    lefts: tuple[Left, ...]
    plan: Plan


def identity(config: Config) -> str:
    """The lines that pin this host's keys in the site; empty while it has none."""
    return identities.known(config)


def adopt(host: Adoptable, name: str, only: frozenset[int] = frozenset()) -> Adopted:
    """Look at the host called `name`; `only` are the containers that are asked for."""
    nothing = DesiredState(name, name, Mode.AUDIT)
    survey = Survey(name, host.observe(nothing), host.storages(), host.stunnels(), only)
    first = build(survey, Lefts(), closely=False)
    closely = host.observe(first.desired)
    lefts = Lefts()
    second = build(
        Survey(name, closely, survey.storages, survey.stunnels, only), lefts, closely=True
    )
    built = settle.settle(second, closely, lefts)
    plan = planner.plan(built.desired, host.observe(built.desired), Ledger())
    return Adopted(built, lefts.all(), plan)
