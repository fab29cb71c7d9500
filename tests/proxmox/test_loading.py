"""Loading libzfs_core starts no program, and what it took for that it gives back."""

from collections.abc import Iterator
import ctypes.util
from pathlib import Path
import sys

import pytest

from offctl.errors import HostError
from offctl_agent.proxmox import loading

# As python3-pyzfs: a library is looked for when something of it is first asked for.
BINDING = """
import ctypes.util

class Lazy:
    def __getattr__(self, name):
        if name not in ("nvlist_free", "lzc_exists"):
            raise AttributeError(name)
        found.append(ctypes.util.find_library("LIBRARY"))
        return name

found = []
lib = Lazy()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    bindings = tmp_path / "libzfs_core/bindings"
    bindings.mkdir(parents=True)
    for folder in (bindings.parent, bindings):
        (folder / "__init__.py").touch()
    (bindings / "libnvpair.py").write_text(BINDING.replace("LIBRARY", "nvpair"))
    (bindings / "libzfs_core.py").write_text(BINDING.replace("LIBRARY", "zfs_core"))
    monkeypatch.syspath_prepend(tmp_path)
    yield bindings
    for name in [name for name in sys.modules if name.startswith("libzfs_core")]:
        del sys.modules[name]


def test_the_search_is_ours_only_while_it_is_loaded(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ctypes.util, "find_library", asked.append)
    monkeypatch.setattr(loading, "_LOADED_AS", {"nvpair": "libc.so.6", "zfs_core": "libno.so.9"})
    library = loading.libzfs_core()
    assert library.bindings.libnvpair.found == ["libc.so.6"]
    # Only what the loader does not know by that name is searched for.
    assert asked == ["zfs_core"]
    assert ctypes.util.find_library == asked.append


@pytest.mark.parametrize("text", ["import nothing_of_that_name\n", "raise OSError('no')\n", ""])
def test_a_library_that_is_not_what_it_should_be_is_said(package: Path, text: str) -> None:
    (package / "libnvpair.py").write_text(text)
    search = ctypes.util.find_library
    with pytest.raises(HostError, match="libzfs_core cannot be loaded") as caught:
        loading.libzfs_core()
    assert caught.value.hint == "apt install python3-pyzfs"
    assert ctypes.util.find_library is search
