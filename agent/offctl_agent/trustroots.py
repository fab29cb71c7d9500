"""The trust root in force on this host, and the successors that the courier brought."""

from collections.abc import Callable
from dataclasses import dataclass

from offctl import errors, files
from offctl.report import Refused
from offctl.trust import root as roots
from offctl.trust import rotation
from offctl.trust.root import TrustRoot
from offctl_agent.config import Config
from offctl_agent.mailbox import Inbox


@dataclass(frozen=True, slots=True)
class Rooted:
    """`refused` tells of a successor that is not believed; `fallen` of a file that went back."""

    root: TrustRoot
    refused: Refused | None = None
    fallen: str = ""


def load(config: Config) -> TrustRoot:
    """What trust.toml says. Raises AdminError or MalformedError: then nothing can be believed."""
    return roots.parse(files.require(config.trust, limit=roots.MAX_TRUST_ROOT))


def take(
    root: TrustRoot,
    inbox: Inbox,
    *,
    least: int,
    keep: Callable[[TrustRoot], None] | None,
) -> Rooted:
    """`root`, or its newest believed successor once `keep` has made that durable.

    `least` is the version that was in force before.
    """
    refused = None
    try:
        content = inbox.trust()
        found = rotation.follow(() if content is None else rotation.parse_chain(content), root).root
        if found.version > root.version:
            if keep is not None:
                keep(found)
            root = found
    except (errors.RefusedError, errors.MalformedError, errors.AdminError) as error:
        refused = Refused(error.code, str(error))
    fallen = ""
    if root.version < least:
        fallen = f"trust root {root.version} lies here, but {least} was in force before"
        refused = refused or Refused("ROLLBACK", fallen)
    return Rooted(root, refused, fallen)
