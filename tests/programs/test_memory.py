"""A host that lost its memory, with the real program and the simulated host's pools."""

import json
import shutil

from demo.stage import Stage

CONFIG = "--config ovh1/agent.toml"
APPLY = f"offctl-agent apply {CONFIG}"


def wipe(room: Stage) -> None:
    shutil.rmtree(room.directory / "ovh1" / "state" / "agent")


def test_the_floor_stands_on_the_pool_and_survives_a_wipe(room: Stage) -> None:
    room.run(APPLY)
    get = "offctl-simhost ovh1/machine zfs get -H -o value org.offctl:floor rpool"
    assert room.query(get).startswith("1 openfoodfacts 1 1 ")
    wipe(room)
    said = room.run(APPLY)
    assert "are as desired" in said
    assert "ledger was lost" in said


def test_both_gone_waits_for_an_operator(room: Stage) -> None:
    room.run(APPLY)
    wipe(room)
    room.run("offctl-simhost ovh1/machine zfs inherit org.offctl:floor rpool")
    # Something to repair, which must not be: nobody knows whether this release is the newest.
    room.run("offctl-simhost ovh1/machine pct stop 101")
    said = room.run(APPLY, expect=2)
    assert "observing only: it is not known how far this host had come" in said
    assert "[FLOOR_LOST]" in said
    assert "offctl-agent confirm 1" in said
    report = json.loads(room.query(f"offctl-agent status {CONFIG} --json"))["report"]
    assert (report["code"], report["refused"]["code"]) == ("FLOOR_LOST", "FLOOR_LOST")
    assert report["events"] == []
    assert "nothing before release 1" in room.run(f"offctl-agent confirm {CONFIG} 1")
    assert "container 101 ovh-proxy: start" in room.run(APPLY)
    again = room.run(f"offctl-agent confirm {CONFIG} 1", expect=2)
    assert "nothing was forgotten" in again


def test_a_pool_that_is_gone_with_the_state_is_no_new_host(room: Stage) -> None:
    room.run(APPLY)
    wipe(room)
    (room.directory / "ovh1" / "machine" / "faults.toml").write_text(
        'zfs_unreadable = "internal error: out of memory"\n'
    )
    assert "[FLOOR_LOST]" in room.run(APPLY, expect=2)


def test_a_damaged_ledger_is_told_of_until_somebody_has_looked(room: Stage) -> None:
    room.run(APPLY)
    memory = room.directory / "ovh1" / "state" / "agent"
    (memory / "ledger").write_bytes(b"torn")
    room.run(APPLY)
    (aside,) = memory.glob("ledger.damaged-*")
    assert aside.read_bytes() == b"torn"
    for _ in range(2):
        room.run(APPLY)
        assert f"{aside.name} was damaged and set aside" in notes(room)
    aside.unlink()
    room.run(APPLY)
    assert "set aside" not in notes(room)


def notes(room: Stage) -> str:
    report = json.loads(room.query(f"offctl-agent status {CONFIG} --json"))["report"]
    return "\n".join(report["notes"])
