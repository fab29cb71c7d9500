"""The courier's word about the network, for whoever asks the agent on this host."""

from dataclasses import asdict, dataclass
from datetime import datetime
import json

from offctl.tables import INSTANT


@dataclass(frozen=True, slots=True)
class Note:
    """`contacted` is when a coordinator last answered, or None; `error` what went wrong since."""

    contacted: datetime | None = None
    error: str = ""
    address: str = ""

    def dump(self) -> bytes:
        """JSON with the fields `contacted` (a time in UTC, or empty), `error` and `address`."""
        contacted = self.contacted.strftime(INSTANT) if self.contacted else ""
        return json.dumps({**asdict(self), "contacted": contacted}).encode()
