"""A machine room, made once and copied for each test: keys, a signed release, empty hosts."""

from collections.abc import Iterator
from pathlib import Path
import shutil

import pytest

from demo import story
from demo.stage import Stage


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("room")
    with Stage(directory, keep=False) as stage:
        story.make_keys(stage)
        stage.run("offctl sign site --key release.pem -o one.release")
        story.hand_over(stage, "one.release", "ovh1")
    return directory


@pytest.fixture
def room(prepared: Path, tmp_path: Path) -> Iterator[Stage]:
    """A stage of its own; ovh1 has the release in its inbox and has not run yet."""
    directory = tmp_path / "room"
    shutil.copytree(prepared, directory, symlinks=True)
    with Stage(directory, keep=False) as stage:
        yield stage
