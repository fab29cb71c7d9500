"""What a run came to, for the textfile collector of Prometheus' node_exporter on this host.

The format's three kinds of lines are written here: the library for it brings an HTTP server and TLS
into the process, and this one has no network. Numbers only, and labels whose values are words of
ours: no name, reason or value of a setting gets in, so no secret does.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from offctl import files
from offctl.report import TUNNEL_STATES, Counts, Report

WAITS = ("hold", "freeze", "approval", "undone")
FRESHNESS = ("fresh", "stale", "expired", "unknown")


def keep(path: Path, report: Report) -> None:
    """Put them there, whole: whoever reads finds these or those before. Raises AdminError."""
    files.write(path, render(report).encode(), mode=files.READABLE)


def render(report: Report) -> str:
    """The text; all of these are gauges."""
    lines: list[str] = []
    for name, text, samples in _families(report):
        lines += [f"# HELP offctl_agent_{name} {text}", f"# TYPE offctl_agent_{name} gauge"]
        lines += [f"offctl_agent_{name}{labels} {value:.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


_Samples = Iterator[tuple[str, float]]


def _families(report: Report) -> Iterator[tuple[str, str, _Samples]]:
    refused = report.refused is not None
    for name, text, value in (
        ("run_timestamp_seconds", "When the last run of the agent began.", report.time.timestamp()),
        ("run_seconds", "How long it took.", report.seconds_milli / 1000),
        ("run_interval_seconds", "Seconds between two runs.", report.interval),
        ("release_serial", "The release this host works towards; 0 for none.", report.serial),
        ("enforcing", "1 when that says enforce, 0 when it says audit.", report.mode == "enforce"),
        ("observing_only", "1 while nothing may be changed.", bool(report.observe_only)),
        ("refused", "1 while the newest offer is not believed.", refused),
        ("resources_desired", "Resources of that release.", report.counts.resources),
        ("memory_bytes", "Memory of the agent.", report.health.agent_memory),
    ):
        yield name, text, iter((("", value),))
    yield "freshness", "1 for how fresh that release is known to be.", _one_of(report)
    yield "resources", "Resources that are not simply right, by state.", _resources(report)
    tunnels = Counter(end.state for end in report.tunnels)
    yield "tunnel_ends", "Ends of tunnels on this host, by state.", _counted(TUNNEL_STATES, tunnels)
    waits = Counter(wait.kind for wait in report.waits)
    yield "waits", "What keeps this host from changing, by kind.", _counted(WAITS, waits)


def _one_of(report: Report) -> _Samples:
    for word in FRESHNESS:
        yield f'{{freshness="{word}"}}', report.freshness == word


def _resources(report: Report) -> _Samples:
    for field in fields(Counts):
        if field.name != "resources":
            yield f'{{state="{field.name}"}}', getattr(report.counts, field.name)


def _counted(words: tuple[str, ...], counts: Counter[str]) -> _Samples:
    label = "kind" if words is WAITS else "state"
    for word in words:
        yield f'{{{label}="{word}"}}', counts[word]
