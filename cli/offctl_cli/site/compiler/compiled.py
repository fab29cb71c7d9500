"""The outcome of compiling: one desired state per host, findings, and where each came from."""

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass, field

from offctl.desired.model import DesiredState
from offctl_cli.site import finding, key

# (host, kind, identity): ("off2", "mount", "113:/mnt/off/users"), ("off2", "container", "113"),
# ("off2", "network", "113:eth0"), ("off2", "dataset", "zfs-hdd/off"),
# ("off2", "directory", "zfs-hdd/off:data"), ("off2", "tunnel", "redis-ovh/server"),
# ("off2", "host", "off2").
Resource = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Compiled:
    """`states` are sorted by host. With an error among `findings` they may lack resources.

    `origins` are the places, `stanzas` the keys from which each resource came.
    """

    site_name: str
    states: tuple[DesiredState, ...]
    findings: tuple[finding.Finding, ...]
    origins: Mapping[Resource, finding.Place]
    stanzas: Mapping[Resource, key.Path] = field(default_factory=dict)

    @property
    def has_errors(self) -> bool:
        """Whether the site must not be signed."""
        return any(each.severity is finding.Severity.ERROR for each in self.findings)

    def state(self, host: str) -> DesiredState | None:
        """What `host` is asked to be; None for a host the site does not have."""
        return next((state for state in self.states if state.host == host), None)

    def with_findings(self, more: tuple[finding.Finding, ...]) -> "Compiled":
        """The same with the findings of the lints among its own."""
        every = finding.in_order([*self.findings, *more])
        return dataclasses.replace(self, findings=every)
