"""The root process has no network code in it: proven by what a real run has imported."""

from pathlib import Path
import subprocess
import sys

from demo import story
from demo.stage import Stage

FORBIDDEN = ("grpc", "google", "ssl", "http", "socketserver", "offctl.api", "offctl_courier")

WALK = """
import atexit, sys
atexit.register(lambda: print("\\n".join(sorted(sys.modules)), file=sys.stderr))
from offctl_agent.__main__ import main
main()
"""


def test_a_real_run_imports_no_grpc_and_no_protobuf(tmp_path: Path) -> None:
    with Stage(tmp_path, keep=False) as stage:
        story.make_keys(stage)
        stage.run("offctl sign site --key release.pem -o one.release", show=False)
        story.hand_over(stage, "one.release", "off2")
        done = subprocess.run(
            [sys.executable, "-c", WALK, "apply", "--config", tmp_path / "off2" / "agent.toml"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert "container 113 off: start" in done.stdout, done.stdout + done.stderr
    loaded = set(done.stderr.splitlines())
    assert "offctl_agent.converge" in loaded
    found = {
        name
        for name in loaded
        for prefix in FORBIDDEN
        if name == prefix or name.startswith(prefix + ".")
    }
    assert found == set()
