"""Small sites for the tests of the site language, and the way to read and compile them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from offctl_cli.site import compiler, load, model
from smallsite import BASE

Files = dict[str, str]


@pytest.fixture
def base() -> str:
    """A site of one host, with a profile, that says nothing wrong."""
    return BASE


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Put the files of a site into a directory of its own."""

    def write_files(files: Files) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


@pytest.fixture
def read(write: Callable[[Files], Path]) -> Callable[[str], model.Site]:
    """Read a site of one file."""
    return lambda text: load.read_site(write({"site.toml": text}))


@pytest.fixture
def compiled(read: Callable[[str], model.Site]) -> Callable[[str], compiler.Compiled]:
    """Compile a site of one file, without the lints."""
    return lambda text: compiler.compile(read(text))
