"""The agent as an operator meets it: commands, exit statuses, and its manners in bad times."""

import json
from pathlib import Path
import subprocess
import time

import pytest

from demo import story
from demo.stage import BIN, Stage
from offctl_agent import mailbox

CONFIG = "--config ovh1/agent.toml"
APPLY = f"offctl-agent apply {CONFIG}"
PLAN = f"offctl-agent plan {CONFIG}"


def tree(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (path.lstat().st_mtime_ns, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_the_second_run_has_nothing_to_do(room: Stage) -> None:
    assert "container 101 ovh-proxy: create" in room.run(APPLY)
    second = room.run(APPLY)
    assert second.splitlines()[0] == "ovh1: release 1 of openfoodfacts"
    assert "are as desired" in second
    assert "nothing to do" in room.run(PLAN)


def test_a_plan_writes_nothing_and_names_the_commands(room: Stage) -> None:
    before = tree(room.directory / "ovh1")
    planned = room.run(PLAN, expect=1)
    assert tree(room.directory / "ovh1") == before
    assert "$ pct create 101 " in planned
    assert "(offered, not kept yet)" in planned


def test_a_plan_in_json_has_every_step_with_its_class(room: Stage) -> None:
    plan = json.loads(room.run(f"{PLAN} --json", expect=1))
    assert {step["effect"] for step in plan["steps"]} == {"online"}
    assert {step["origin"] for step in plan["steps"]} == {"wanted"}
    assert plan["serial"] == 1
    assert len(plan["digest"]) == 64


def test_a_second_agent_on_one_host_ends_with_a_clear_line(room: Stage) -> None:
    room.start("agent", f"offctl-agent run {CONFIG}")
    room.wait("the first agent", lambda: bool(room.log("agent")))
    said = room.run(f"offctl-agent run {CONFIG}", expect=2)
    assert "another agent for host ovh1 is running already" in said
    assert "Traceback" not in said


def test_the_doorbell_brings_a_release_long_before_the_interval(room: Stage) -> None:
    config = room.directory / "ovh1" / "agent.toml"
    config.write_text(config.read_text().replace("interval = 60", "interval = 3600"))
    release = room.directory / "ovh1" / "state" / "inbox" / "release.json"
    content = release.read_bytes()
    release.unlink()
    room.start("agent", f"offctl-agent run {CONFIG}")
    outbox = mailbox.Outbox(room.directory / "ovh1" / "state" / "outbox")
    room.wait("a first report", lambda: outbox.directory.exists() and outbox.newest() > 0)
    release.write_bytes(content)
    mailbox.ring(room.directory / "ovh1" / "run" / "agent.bell")
    room.wait("the run", lambda: any("run: " in line for line in room.log("agent")))


def test_the_agent_stops_when_asked(room: Stage) -> None:
    room.start("agent", f"offctl-agent run {CONFIG}")
    room.wait("the agent", lambda: bool(room.log("agent")))
    began = time.monotonic()
    room.stop("agent")
    assert time.monotonic() - began < 5


def test_without_a_coordinator_it_converges_and_says_so(room: Stage) -> None:
    config = room.directory / "ovh1" / "agent.toml"
    text = config.read_text().replace("coordinators = []", 'coordinators = ["127.0.0.1:1"]')
    config.write_text(text)
    room.start("courier", f"offctl-courier run {CONFIG}")
    room.run(APPLY)
    status = f"offctl-agent status {CONFIG}"
    room.wait("the courier's note", lambda: "unreachable" in room.query(status))
    said = room.query(status)
    assert "coordinator: unreachable, never reached: " in said
    assert "all 2 resources are as desired" in said or "are as desired" in said


def broken(content: bytes) -> bytes:
    return content[: len(content) // 2]


def swapped(content: bytes) -> bytes:
    return content.replace(b"10.1.0.101", b"10.1.0.109")


def huge(content: bytes) -> bytes:
    return content + b" " * mailbox.MAX_DROP


@pytest.mark.parametrize(
    ("change", "code"),
    [(broken, "MALFORMED"), (swapped, "MISMATCH"), (huge, "TOO_LARGE"), (bytes.upper, "MALFORMED")],
)
def test_a_bad_drop_changes_nothing_and_is_told(room: Stage, change: object, code: str) -> None:
    room.run(APPLY)
    inbox = room.directory / "ovh1" / "state" / "inbox" / "release.json"
    machine = tree(room.directory / "ovh1" / "machine")
    inbox.write_bytes(change(inbox.read_bytes()))  # type: ignore[operator]
    said = room.run(APPLY, expect=2)
    assert f"[{code}]" in said
    assert "are as desired" in said
    assert tree(room.directory / "ovh1" / "machine") == machine
    report = json.loads(room.run(f"offctl-agent status {CONFIG} --json", expect=2))["report"]
    assert report["refused"]["code"] == code
    assert report["serial"] == 1


def test_a_release_for_other_hosts_is_refused(room: Stage) -> None:
    room.run("offctl-simhost new/machine --node new init --pool rpool")
    room.run("offctl-agent init --host new --simulated machine --config new/agent.toml")
    (room.directory / "new" / "trust.toml").write_bytes(
        (room.directory / "trust.toml").read_bytes()
    )
    story.hand_over(room, "one.release", "new")
    said = room.run("offctl-agent apply --config new/agent.toml", expect=2)
    assert "does not name host 'new'" in said
    assert "[WRONG_HOST]" in said


def test_an_older_release_is_refused_and_the_newer_one_stays(room: Stage) -> None:
    room.run("offctl sign site --key release.pem --serial 5 -o five.release")
    story.hand_over(room, "five.release", "ovh1")
    room.run(APPLY)
    story.hand_over(room, "one.release", "ovh1")
    said = room.run(APPLY, expect=2)
    assert "ovh1: release 5 of openfoodfacts" in said
    assert "[ROLLBACK]" in said


def test_damaged_memory_is_set_aside_and_rebuilt(room: Stage) -> None:
    room.run(APPLY)
    state = room.directory / "ovh1" / "state" / "agent"
    for name in ("ledger", "stream", "events", "release"):
        path = state / name
        path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    (state / "debts").write_bytes(b"")
    said = room.run(APPLY)
    assert "are as desired" in said
    assert said.count("was damaged; kept as ") == 5
    aside = list(state.glob("*.damaged-*"))
    assert len(aside) == 5
    # Told until somebody has looked and removed them, and kept only once.
    said = room.run(APPLY)
    assert said.count("was damaged and set aside") == 5
    assert list(state.glob("*.damaged-*")) == aside
    for path in aside:
        path.unlink()
    assert "was damaged" not in room.run(APPLY)


def test_a_world_of_junk_in_the_inbox_is_ignored(room: Stage) -> None:
    inbox = room.directory / "ovh1" / "state" / "inbox"
    for number in range(500):
        (inbox / f"{number}.json").write_bytes(b"junk")
    (inbox / "release.json.lnk").symlink_to("/etc/passwd")
    room.run(APPLY)


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_what_is_no_file_in_the_inbox_is_refused_without_hanging(room: Stage, kind: str) -> None:
    room.run(APPLY)
    slot = room.directory / "ovh1" / "state" / "inbox" / "release.json"
    slot.unlink()
    if kind == "link":
        slot.symlink_to(room.directory / "one.release")
    elif kind == "directory":
        slot.mkdir()
    else:
        subprocess.run(["mkfifo", slot], check=True)
    said = room.run(APPLY, expect=2)
    assert "refused: cannot read " in said
    assert "are as desired" in said


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "it is empty"),
        ("host = 3\n", "'host' must be a string"),
        ('host = "ovh1"\ncordinators = []\n', "unknown key 'cordinators'"),
        ('host = "ovh1"\ninterval = 0\n', "between 1 and 86400"),
        ('host = "ovh1\n', "cannot read ovh1/agent.toml"),
        ('host = "ovh1"\ncoordinators = ["nowhere"]\n', "coordinator address 'nowhere'"),
    ],
)
def test_a_bad_configuration_is_named(room: Stage, text: str, named: str) -> None:
    (room.directory / "ovh1" / "agent.toml").write_text(text)
    said = room.run(APPLY, expect=2)
    assert named in said
    assert "Traceback" not in said


def test_a_machine_that_is_no_proxmox_host_is_not_touched(room: Stage) -> None:
    (room.directory / "ovh1" / "agent.toml").write_text('host = "ovh1"\n')
    said = room.run(APPLY, expect=2)
    assert "it is no Proxmox VE host" in said


def test_init_again_prints_the_same_lines_and_replaces_nothing(room: Stage) -> None:
    again = room.run(f"offctl-agent init --host ovh1 {CONFIG}")
    pinned = (room.directory / "site" / "identities" / "ovh1.toml").read_text()
    assert pinned.strip() in again
    other = room.run(f"offctl-agent init --host off9 {CONFIG}", expect=2)
    assert "is for host 'ovh1'" in other


def test_secret_keys_are_private(room: Stage) -> None:
    for name in ("ovh1/host.key.pem", "ovh1/tunnel.key.pem", "release.pem", "operator/desk.key"):
        assert (room.directory / name).stat().st_mode & 0o777 == 0o600, name
    assert (BIN / "offctl-agent").exists()


def test_what_was_here_and_is_gone_is_made_anew_only_when_told_to(room: Stage) -> None:
    room.run(APPLY)
    story.configuration(room, "ovh1", 101).unlink()
    told = room.run(APPLY, expect=1)
    assert "blocked: container 101 ovh-proxy: it was here and is gone" in told
    assert not story.configuration(room, "ovh1", 101).exists()
    assert "container 101: forgotten" in room.run(f"offctl-agent forget container 101 {CONFIG}")
    room.run(f"offctl-agent forget container 999 {CONFIG}", expect=1)
    assert "container 101 ovh-proxy: create" in room.run(APPLY)


def test_a_lost_ledger_puts_nothing_empty_in_the_place_of_what_is_gone(room: Stage) -> None:
    room.run(APPLY)
    story.configuration(room, "ovh1", 101).unlink()
    ledger = room.directory / "ovh1" / "state" / "agent" / "ledger"
    ledger.write_bytes(b"garbage")
    before = tree(room.directory / "ovh1")
    assert "it was here and is gone" in room.run(PLAN, expect=1)
    assert tree(room.directory / "ovh1") == before
    told = room.run(APPLY, expect=1)
    assert "the ledger was lost" in told
    assert "blocked: container 101 ovh-proxy: it was here and is gone" in told
    assert not story.configuration(room, "ovh1", 101).exists()
    assert "it was here and is gone" in room.run(APPLY, expect=1)


def test_a_public_file_that_is_lost_never_costs_a_secret_key(room: Stage) -> None:
    directory = room.directory / "ovh1"
    keys = {name: (directory / name).read_bytes() for name in ("host.key.pem", "tunnel.key.pem")}
    tunnel = [
        line
        for line in (room.directory / "site" / "identities" / "ovh1.toml").read_text().splitlines()
        if line.startswith("tunnel_key")
    ]
    (directory / "host.cert.pem").unlink()
    again = room.run(f"offctl-agent init --host ovh1 {CONFIG}")
    assert tunnel[0] in again
    assert keys == {name: (directory / name).read_bytes() for name in keys}


def test_a_bad_coordinator_address_leaves_no_configuration_behind(room: Stage) -> None:
    words = "--host new --coordinator nonsense --config new/agent.toml"
    assert "coordinator address 'nonsense'" in room.run(f"offctl-agent init {words}", expect=2)
    assert not (room.directory / "new" / "agent.toml").exists()


def test_without_a_release_nothing_is_called_right(room: Stage) -> None:
    (room.directory / "ovh1" / "state" / "inbox" / "release.json").unlink()
    assert "no release accepted yet" in room.run(PLAN, expect=2)
    assert "as desired" not in room.run(APPLY, expect=1)


def test_what_the_courier_says_cannot_drive_the_terminal(room: Stage) -> None:
    room.run(APPLY)
    note = room.directory / "ovh1" / "state" / "inbox" / "courier.json"
    note.write_text(json.dumps({"error": "\x1b[31mfake\nall 202 resources are as desired"}))
    said = room.run(f"offctl-agent status {CONFIG}")
    assert "\x1b" not in said
    assert "\nall 202" not in said
