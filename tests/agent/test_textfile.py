"""What is left for node_exporter: the whole text, its bounds, and that it stops no run."""

from dataclasses import replace
import logging
from pathlib import Path

from prometheus_client import parser
import pytest

from agent.scenario import NOW
from offctl.errors import MalformedError
from offctl.report import (
    TUNNEL_STATES,
    Counts,
    Health,
    Refused,
    Report,
    ResourceStatus,
    TunnelStatus,
    Wait,
)
from offctl_agent import config, textfile

GOLDEN = Path(__file__).parent / "metrics"
REPORT = Report(
    site="openfoodfacts",
    host="off2",
    stream="a" * 16,
    sequence=4,
    time=NOW,
    software="0.1.0",
    mode="enforce",
    serial=41,
    manifest_sha256="0" * 64,
    bundle_sha256="0" * 64,
    freshness="fresh",
    interval=60,
    seconds_milli=1234,
    counts=Counts(resources=412),
    health=Health(agent_memory=48_123_904),
)
SECRET = "hunter2"


def end(state: str) -> TunnelStatus:
    return TunnelStatus("redis", "client", 113, "i", "a", SECRET, 1, state, "", SECRET)


WRONG = replace(
    REPORT,
    mode="audit",
    serial=0,
    freshness="expired",
    observe_only=SECRET,
    refused=Refused(SECRET, SECRET),
    counts=Counts(resources=3, failed=1, unknown=2),
    resources=(ResourceStatus(f'dataset "{SECRET}"\n', "failed", SECRET),),
    waits=(Wait("hold", SECRET, "", SECRET, SECRET), Wait("hold", SECRET, "", SECRET, SECRET)),
    tunnels=(*(end(state) for state in TUNNEL_STATES), end("broken")),
    notes=(SECRET,),
)
CASES = {"right": REPORT, "wrong": WRONG}


@pytest.mark.parametrize("case", CASES)
def test_the_text(case: str) -> None:
    path = GOLDEN / f"{case}.prom"
    assert textfile.render(CASES[case]) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_library_reads_it(case: str) -> None:
    text = textfile.render(CASES[case])
    found = list(parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(len(family.samples) for family in found) == len(lines)
    assert {family.type for family in found} == {"gauge"}
    assert all(family.documentation for family in found)


def test_whatever_a_report_says_no_word_of_it_gets_out() -> None:
    assert SECRET not in textfile.render(WRONG)
    names = [line.rpartition(" ")[0] for line in textfile.render(WRONG).splitlines()[2:]]
    # Other numbers, the same series.
    plain = [line.rpartition(" ")[0] for line in textfile.render(REPORT).splitlines()[2:]]
    assert [n for n in names if "HELP" not in n] == [n for n in plain if "HELP" not in n]


@pytest.mark.parametrize("name", ["offctl.txt", "offctl", "offctl.prom.gz", ".prom/", "a/.prom"])
def test_a_name_that_node_exporter_does_not_read_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(f'host = "off2"\nmetrics = "{name}"\n')
    with pytest.raises(MalformedError, match="'metrics' must be like"):
        config.load(path)


def test_nothing_is_logged_about_it(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with caplog.at_level(logging.INFO):
        textfile.keep(tmp_path / "offctl.prom", REPORT)
    assert caplog.records == []
    assert [path.name for path in tmp_path.iterdir()] == ["offctl.prom"]
