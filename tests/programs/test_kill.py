"""`kill -9` of every program at random moments of a busy afternoon; the end is always the same."""

import json
from pathlib import Path
import random
import time

from demo import story
from demo.stage import Stage

KILLS = 110
SEED = 20260711
DATA = "what users wrote, never to be lost\n"


def test_a_hundred_kills_end_converged_and_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with Stage(tmp_path, keep=False) as stage:
        story.make_keys(stage)
        story.start_everything(stage)
        killed = 0
        for number in range(KILLS):
            if number == 30:
                written = story.write_data(stage, DATA)
                story.break_something(stage)
            if number == 60:
                story.add_a_mount(stage)
            if number == 80:
                story.break_something(stage)
            # A random moment is what this test is about; nothing is being waited for.
            time.sleep(chance.uniform(0.0, 0.35))
            stage.kill(chance.choice(story.SERVERS))
            killed += 1
        assert killed >= 100
        stage.wait("everything to converge", lambda: _states(stage) == {"converged"})
        assert written.read_text() == DATA
        for host in story.HOSTS:
            plan = stage.run(f"offctl-agent plan --json --config {host}/agent.toml", show=False)
            assert json.loads(plan)["steps"] == [], host
        configuration = story.configuration(stage, "off2", 113).read_text()
        assert configuration.count("mp=/mnt/off/users") == 1
        assert configuration.count("mp=/mnt/off-pro/imports") == 1
        assert "protection: 1" in configuration


def _states(stage: Stage) -> set[str]:
    told = stage.query(story.STATUS)
    if not told:
        return {"coordinator not reached"}
    listed = json.loads(told)
    return {host["state"] for host in listed["hosts"] if host["host"] in story.HOSTS}
