"""When something may change, and how it is judged afterwards, lowered."""

from offctl import durations
from offctl.desired import model
from offctl_cli.site.tables import containers, hosts


def freeze(written: hosts.Freeze | None) -> model.Freeze | None:
    return None if written is None else model.Freeze(written.until, written.reason)


def max_delta(written: hosts.MaxDelta) -> model.MaxDelta:
    return model.MaxDelta(written.containers, written.mounts, written.datasets)


def probe(written: containers.Probe | None) -> model.Probe | None:
    return None if written is None else model.Probe(written.command, seconds(written.grace))


def seconds(span: str) -> int:
    return int(durations.parse(span).total_seconds())
