"""One signed change travels from TOML to three hosts and back as status: `make demo`."""

import os
from pathlib import Path
import shutil
import time

from demo import story
from demo.stage import Stage


def main() -> None:
    """The whole story; every line that is not a title comes from the programs themselves."""
    started = time.monotonic()
    directory = Path(__file__).resolve().parent.parent / "demo-run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    with Stage(directory, keep=os.environ.get("KEEP", "") not in ("", "0")) as stage:
        story.make_keys(stage)
        story.publish_first(stage)
        story.repair_drift(stage)
        story.publish_change(stage)
        story.refuse_forgery(stage)
        stage.title(f"done in {time.monotonic() - started:.0f} s")
        if stage.keep:
            explain(stage)


def explain(stage: Stage) -> None:
    """What a person can try while everything still runs."""
    print(
        f"""
Everything still runs (processes {", ".join(map(str, stage.pids))}). In another terminal:

  cd {stage.directory} && . ../.venv/bin/activate && export OFFCTL_CONFIG=$PWD/operator.toml
  offctl status --watch                                     # leave it open beside you
  offctl-simhost off2/machine pct stop 110                  # break something
  offctl-simhost off2/machine zfs set atime=on zfs-nvme/off/products
  offctl-agent plan --config off2/agent.toml                # what it would do about it
  $EDITOR site/applications.toml && offctl check site       # change something, then:
  offctl sign site --key release.pem --previous two.release -o three.release
  offctl publish three.release

End it with: kill {" ".join(map(str, stage.pids))}"""
    )


if __name__ == "__main__":
    main()
