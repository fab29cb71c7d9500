"""What the coordinator tells Prometheus: the hosts and the rollout as they are, and how calls went.

Hosts are judged when somebody asks, by the same words as `offctl status`. No label has a value that
a stranger, or a report, can choose: hosts are those of the releases, methods those of the table.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import offctl
from offctl.status import State
from offctl_coordinator import callers
from offctl_coordinator.roster import Snapshot

# Of a call that sends nothing for long no more is told than that it took longer.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
# A method that is not in the table; anybody may ask for any.
OTHER = "other"
# The status of gRPC for a mistake of ours.
MISTAKE = "INTERNAL"


class Metrics:
    """One registry; it is `offctl_coordinator.calls.Counting` for the door."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        """`snapshot` is asked at each scrape, from the thread that serves it."""
        self.registry = prometheus_client.CollectorRegistry()
        self._calls = prometheus_client.Counter(
            "offctl_rpcs",
            "Calls that ended, by method and by the status of gRPC.",
            ("method", "code"),
            registry=self.registry,
        )
        # A counter that begins with 1 has not increased for Prometheus: the first mistake would be
        # no alert.
        for method in (*callers.METHODS, OTHER):
            self._calls.labels(_label(method), MISTAKE)
        self._seconds = prometheus_client.Histogram(
            "offctl_rpc_seconds",
            "From when a call came in until it was answered, streams left out.",
            ("method",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._streams = prometheus_client.Gauge(
            "offctl_rpc_streams",
            "Streams that are open: each is a courier that listens, or a health check.",
            ("method",),
            registry=self.registry,
        )
        self.registry.register(_Known(snapshot))
        prometheus_client.ProcessCollector(registry=self.registry)

    def begun(self, method: str) -> None:
        """A stream began."""
        self._streams.labels(_label(method)).inc()

    def ended(self, method: str, code: str, seconds: float, *, stream: bool) -> None:
        """A call ended."""
        label = _label(method)
        self._calls.labels(label, code).inc()
        if stream:
            self._streams.labels(label).dec()
        else:
            self._seconds.labels(label).observe(seconds)


def _label(method: str) -> str:
    """`AgentService/Report` of `/offctl.api.v1.AgentService/Report`."""
    return method.rpartition(".")[2] if method in callers.METHODS else OTHER


class _Known(Collector):
    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """All of it, as it is now."""
        found = self._snapshot()
        yield _gauge("build_info", "The software that runs.", ((offctl.__version__,), 1.0))
        yield _number(
            *("database_reachable", "0 while the database does not answer and nobody is served."),
            float(found.sure),
        )
        if not found.sure:
            return  # what is known may be old, and is not told as if it were new
        yield from _hosts(found)
        yield from _release(found)
        yield from _rollout(found)


_LABELS = {"build_info": ("version",), "hosts": ("state",), "host_state": ("host", "state")}


def _gauge(name: str, text: str, *samples: tuple[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(f"offctl_{name}", text, labels=_LABELS.get(name, ("host",)))
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _number(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"offctl_{name}", text, value=value)


def _hosts(found: Snapshot) -> Iterator[Metric]:
    views = [found.roster.view(name, found.now) for name in found.roster.names()]
    states = Counter(view.verdict.state for view in views)
    yield _gauge(
        *("hosts", "Hosts by the word that `offctl status` has for them."),
        *(((state.value,), float(states[state])) for state in State),
    )
    yield _gauge(
        *("host_state", "1 for the word that `offctl status` has for this host, and no other."),
        *(((view.host, view.verdict.state.value), 1.0) for view in views),
    )
    yield _gauge(
        *("host_report_timestamp_seconds", "When the newest report of a host was true."),
        *(((v.host,), v.reported.timestamp()) for v in views if v.reported is not None),
    )
    yield _gauge(
        *("host_contact_timestamp_seconds", "When the courier of a host called last."),
        *(((v.host,), v.contacted.timestamp()) for v in views if v.contacted is not None),
    )
    yield _gauge(
        *("host_serial", "The release that a host works towards; 0 for none."),
        *(((view.host,), float(view.serial)) for view in views),
    )


def _release(found: Snapshot) -> Iterator[Metric]:
    current = found.roster.publication
    yield _number(
        *("trust_root_version", "The trust root that is in force here."), float(found.root.version)
    )
    yield _number(
        *("trust_root_expires_timestamp_seconds", "When that trust root expires."),
        found.root.expires.timestamp(),
    )
    yield _number(
        *("release_serial", "The newest release that was accepted here; 0 for none."),
        float(current.serial if current else 0),
    )
    if current:
        yield _number(
            *("release_expires_timestamp_seconds", "When that release expires."),
            current.accepted.manifest.expires.timestamp(),
        )


def _rollout(found: Snapshot) -> Iterator[Metric]:
    current, turns = found.roster.publication, found.roster.turns
    if current is None or turns is None:
        return
    rollout = turns.rollout
    hosts = current.accepted.manifest.hosts
    offered = sum(rollout.offers.get(entry.host) == current.serial for entry in hosts)
    yield _number("rollout_wave", "The highest wave that has its turn.", float(rollout.wave))
    yield _number(
        *("rollout_waves", "The highest wave there is."), float(max(entry.wave for entry in hosts))
    )
    yield _number(
        *("rollout_hosts_waiting", "Hosts whose turn with the newest release has not come."),
        float(len(hosts) - offered),
    )
    yield _number(
        *("rollout_paused", "1 while an operator has paused it."), float(bool(rollout.paused))
    )
    yield _number("rollout_halted", "1 after a failure halted it.", float(bool(rollout.halted)))
