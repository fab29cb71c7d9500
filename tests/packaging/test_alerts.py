"""The alert rules that are shipped: they load, fire when they should and not when they should not.

What Prometheus thinks of them needs its `promtool`, which `packaging/tools` fetches. Without it
these tests are skipped on a developer's machine, and fail where CI is set.
"""

import os
from pathlib import Path
import re
import shutil
import subprocess

import prometheus_client
import pytest

from agent.test_textfile import CASES, GOLDEN
from offctl.messages import Message
from offctl.status import State
from offctl_agent import textfile
from transport.fleet import Fleet, served, sha256
from unitfiles import ROOT

EXAMPLE = ROOT / "examples" / "prometheus"
RULES = EXAMPLE / "offctl.rules.yml"
CASES_OF_RULES = EXAMPLE / "offctl.rules.test.yml"
FETCHED = ROOT / "build" / "tools" / "promtool"
PROMTOOL = shutil.which("promtool") or (str(FETCHED) if FETCHED.exists() else "")

with_promtool = pytest.mark.skipif(
    not PROMTOOL and not os.environ.get("CI"), reason="promtool is not here: packaging/tools"
)


def promtool(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [PROMTOOL, *arguments],
        cwd=EXAMPLE,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@with_promtool
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert "valid prometheus config" in promtool("check", "config", "prometheus.yml")
    assert "rules found" in promtool("check", "rules", RULES.name)


@with_promtool
def test_each_alert_fires_when_it_should_and_not_when_it_should_not() -> None:
    assert "SUCCESS" in promtool("test", "rules", CASES_OF_RULES.name)


def alerts() -> list[str]:
    return re.findall(r"(?m)^ +- alert: (\w+)$", RULES.read_text(encoding="utf-8"))


def test_every_alert_has_a_case_for_both() -> None:
    text = CASES_OF_RULES.read_text(encoding="utf-8")
    fires = re.findall(r'expr: ALERTS\{alertname="(\w+)"', text)
    quiet = re.findall(r"alertname: (\w+), exp_alerts: \[\]", text)
    assert alerts() == list(dict.fromkeys(fires)) == list(dict.fromkeys(quiet))


def test_what_to_do_about_every_alert_is_written_down() -> None:
    page = (ROOT / "docs" / "when-something-is-wrong.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `(Offctl\w+)` \| ([^|]+) \| ([^|]+) \|$", page)
    assert [alert for alert, _, _ in rows] == alerts()
    assert f"MESSAGE_ID={Message.MISTAKE.value}`" in page


def test_every_word_for_which_a_host_wants_somebody_has_its_place_there() -> None:
    page = (ROOT / "docs" / "when-something-is-wrong.md").read_text(encoding="utf-8")
    rules = RULES.read_text(encoding="utf-8")
    for alert in ("OffctlHostBroken", "OffctlHostWantsAPerson"):
        asked = re.search(rf'alert: {alert}\n.*state=~"([a-z|]+)"', rules)
        row = re.search(rf"(?m)^\| `{alert}` .*$", page)
        assert asked
        assert row
        assert set(asked[1].split("|")) == set(re.findall(r"`([a-z]+)`", row[0]))


def test_rules_ask_for_what_the_programs_tell_and_no_more(tmp_path: Path) -> None:
    asked = set(re.findall(r"\boffctl_\w+", RULES.read_text(encoding="utf-8")))
    told = set(re.findall(r"(?m)^(offctl_\w+)", of_a_coordinator(tmp_path)))
    told |= set(re.findall(r"(?m)^(offctl_\w+)", textfile.render(CASES["wrong"])))
    assert asked
    assert asked <= told


def test_states_in_rules_are_states() -> None:
    text = RULES.read_text(encoding="utf-8")
    words = [
        word
        for found in re.findall(r'host_state\{state=~"([a-z|]+)"', text)
        for word in found.split("|")
    ]
    assert len(words) == len(set(words))
    assert set(words) < {state.value for state in State}
    # All others are well, wait for their turn, or are told of by the rollout.
    rest = {state.value for state in State} - set(words)
    assert rest == {"queued", "behind", "pending", "retired", "converged"}


def test_the_message_id_in_a_rule_is_ours() -> None:
    assert f"MESSAGE_ID={Message.MISTAKE.value};" in RULES.read_text(encoding="utf-8")


def of_a_coordinator(directory: Path) -> str:
    from coordinator.test_metrics import Scrape

    fleet, scrape = Fleet(), Scrape()
    release = fleet.release(1, "off1")
    with served(fleet, directory, release) as running:
        content = fleet.report("off1", manifest_sha256=sha256(release))
        running.do(running.coordinator.report("off1", content))
        scrape.running.append(running)
        for method in ("/offctl.api.v1.AgentService/FetchRelease", "/x"):
            scrape.metrics.ended(method, "OK", 0.01, stream=False)
        return prometheus_client.generate_latest(scrape.metrics.registry).decode()


@with_promtool
def test_promtool_reads_what_a_coordinator_tells(tmp_path: Path) -> None:
    promtool("check", "metrics", stdin=of_a_coordinator(tmp_path))


@with_promtool
@pytest.mark.parametrize("case", CASES)
def test_promtool_reads_what_an_agent_leaves(case: str) -> None:
    promtool("check", "metrics", stdin=(GOLDEN / f"{case}.prom").read_text(encoding="utf-8"))
