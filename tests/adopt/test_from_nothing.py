"""From an empty terminal: one live host taken over by the commands of the documentation."""

import os
from pathlib import Path
import re
import subprocess
import sys

from adopt import example

BIN = Path(sys.executable).parent


class Terminal:
    """A directory, and the commands that were typed in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.typed = 0

    def type(self, line: str, *, expect: int = 0) -> str:
        words = line.split()
        self.typed += 1
        done = subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            cwd=self.directory,
            env={**os.environ, "COLUMNS": "118"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, f"{line}: {done.stdout}{done.stderr}"
        self.said = done.stderr
        return done.stdout

    def keep(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[0]


def test_a_live_host_is_taken_over_and_kept(tmp_path: Path) -> None:
    live = example.live("off2", tmp_path)
    live.stunnel(101, example.SERVED)
    at = Terminal(tmp_path)
    at.type("offctl-agent init --host off2 --simulated off2/host --config agent.toml")
    at.keep("off2.toml", at.type("offctl-agent adopt --config agent.toml"))
    assert "13 containers, 103 mounts, 2 volumes, 1 tunnel end" in at.said
    assert at.said.splitlines()[-1] == "plan with this text: empty, nothing would change"
    at.type("offctl adopt merge off2.toml --into site --name mine")
    at.type("offctl check site")
    release = found(r"ed25519:\S+", at.type("offctl key new release.pem"))
    at.type("offctl identity new . desk")
    said = at.type("offctl-coordinator init coordinator --name main")
    stamp = found(r'ed25519:[^"]+', said)
    at.type(
        "offctl trust new -o trust.toml --site mine --threshold 1 --operator desk=desk.crt "
        f"--release-key desk={release} --timestamp-key {stamp} "
        "--coordinator main=coordinator/server.cert.pem"
    )
    at.type("offctl sign site --key release.pem -o 1.release")
    inbox = tmp_path / "state/inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "release.json").write_bytes((tmp_path / "1.release").read_bytes())
    assert "nothing to do" in at.type("offctl-agent plan --config agent.toml")
    assert "are as desired" in at.type("offctl-agent apply --config agent.toml")
    assert at.typed == 11

    # The one word between looking and keeping; before that, drift is told and left.
    live.scene.by_hand("pct", "set", "113", "--cores", "2")
    at.type("offctl-agent apply --config agent.toml", expect=1)
    assert "cores: 2" in live.scene.configuration(113)
    assert ", audit" in at.type("offctl-agent plan --config agent.toml", expect=1)
    hosts = tmp_path / "site/hosts/off2.toml"
    hosts.write_text(hosts.read_text().replace('mode = "audit"', 'mode = "enforce"'))
    at.type("offctl sign site --key release.pem --previous 1.release -o 2.release")
    (inbox / "release.json").write_bytes((tmp_path / "2.release").read_bytes())
    at.type("offctl-agent apply --config agent.toml")
    assert "cores: 8" in live.scene.configuration(113)
    assert at.type("offctl-agent adopt --config agent.toml --container 113")
    assert "1 container" in at.said
