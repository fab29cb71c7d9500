"""What must not go with the database: the trust roots that were published, and the floor.

Two small files beside it. Without them a database that was lost, or came from a backup, would give
a removed operator or host its place back.
"""

import json
from pathlib import Path

from offctl import errors, files
from offctl.trust import document, rotation
from offctl.trust.accept import Floor
from offctl.trust.manifest import SHA256
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step

_LIMIT = 1024


class Lasting:
    """The files below `directory`; every method raises AdminError for a disk that fails."""

    def __init__(self, directory: Path) -> None:
        self._chain = directory / "trust-roots.json"
        self._floor = directory / "floor.json"

    def chain(self) -> tuple[Step, ...]:
        """The trust roots published here, oldest first; raises MalformedError when damaged."""
        content = files.read(self._chain, limit=rotation.MAX_CHAIN)
        try:
            return () if content is None else rotation.parse_chain(content)
        except errors.MalformedError as error:
            raise _damaged(self._chain, "publish the trust roots again", error) from error

    def keep_chain(self, chain: tuple[Step, ...]) -> None:
        """Replace them."""
        files.write(self._chain, rotation.dump_chain(chain))

    def in_force(self, root: TrustRoot) -> TrustRoot:
        """The newest trust root that follows from `root`; raises RefusedError."""
        return rotation.follow(self.chain(), root).root

    def floor(self) -> Floor:
        """The newest release ever published here; raises MalformedError when damaged."""
        content = files.read(self._floor, limit=_LIMIT)
        if content is None:
            return Floor()
        try:
            table = document.parse(content, what="the floor", limit=_LIMIT)
            floor = Floor(table.integer("serial"), table.matching("sha256", SHA256))
            table.finish()
        except errors.MalformedError as error:
            raise _damaged(self._floor, "compare with `offctl status`", error) from error
        return floor

    def keep_floor(self, floor: Floor) -> None:
        """Replace it."""
        values = {"serial": floor.serial, "sha256": floor.sha256}
        files.write(self._floor, json.dumps(values).encode())


def _damaged(path: Path, what: str, error: errors.MalformedError) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot read {path}: {error}", hint=f"move it away and {what}", code=error.code
    )
