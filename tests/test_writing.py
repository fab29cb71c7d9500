"""One write primitive: whatever changes a file of ours goes through offctl.files.

A rule about the text of the product, so that a torn file cannot come in by a new door.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
import subprocess

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("common", "cli", "coordinator", "agent")
DOOR = "common/offctl/files.py"

# Who else may: files that are not ours but the host's, by the host's own rules, and what is no
# file whose content matters.
ALLOWED = {
    "common/offctl/pipes.py": {"O_WRONLY"},  # /dev/null
    "agent/offctl_agent/proxmox/checks.py": {"shutil"},  # which() alone
    # pmxcfs: its temporary names, its one mode, PVE's locks.
    "agent/offctl_agent/proxmox/pve.py": {"O_WRONLY", "O_RDWR", "O_CREAT", "rename", "unlink"},
    "agent/offctl_agent/proxmox/subids.py": {"O_WRONLY", "O_CREAT"},  # shadow's lock
    "agent/offctl_agent/host/stunnel/directory.py": {"rmdir"},  # what is empty
    "agent/offctl_agent/mailbox.py": {"unlink"},  # the name of a socket
    "agent/offctl_agent/simulated/layout.py": {"touch"},  # a lock, always empty
    "agent/offctl_agent/simulated/store.py": {"rmdir", "symlink"},  # the simulated host's own door
    "agent/offctl_agent/simulated/pctcreate.py": {"remove"},  # a program's argument
    # A copy of the site to try a text on; thrown away.
    "cli/offctl_cli/site/edit.py": {"shutil", "tempfile", "write_text"},
    "cli/offctl_cli/git.py": {"tempfile"},  # a revision of the site, gone when it was read
    "coordinator/offctl_coordinator/agent_service.py": {"touch"},  # Coordinator.touch
    "coordinator/offctl_coordinator/sockets.py": {"tempfile"},  # a directory for a socket
    "coordinator/offctl_coordinator/store/sqlite.py": {"rename"},  # SQLite's file, set aside
}
CHANGING = {
    "write_text", "write_bytes", "touch", "rename", "replace_file", "unlink", "rmdir", "remove",
    "removedirs", "truncate", "ftruncate", "link", "symlink", "symlink_to", "hardlink_to",
    "makedirs", "mkfifo", "mknod", "chmod", "lchmod", "chown", "lchown", "utime", "sendfile",
    "copy_file_range", "posix_fallocate", "O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND",
}  # fmt: skip
MODULES = {"shutil", "tempfile", "fileinput", "shelve", "dbm", "mmap"}
# Methods of ours with the same names.
OTHERS = {"remove": ("files",), "link": ("store",)}


def product_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *(f"{top}/*.py" for top in PRODUCT)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [name for name in listed if "_pb2" not in name and (ROOT / name).exists()]


def changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every call or flag by which a file could be changed."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in CHANGING:
                if owner not in OTHERS.get(name, ()):
                    yield node.lineno, name
            case ast.Attribute(attr=name) if name in CHANGING:
                if name not in OTHERS:
                    yield node.lineno, name
            case ast.Call(func=ast.Name(id="open") | ast.Attribute(attr="open")) if _writes(node):
                yield node.lineno, "open for writing"
            case ast.Import(names=names):
                yield from ((node.lineno, n.name) for n in names if n.name in MODULES)
            case ast.ImportFrom(module=str(module)) if module in MODULES:
                yield node.lineno, module
            case _:
                pass


def _writes(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    modes = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)


def test_only_the_door_changes_files() -> None:
    names = product_files()
    assert DOOR in names
    found = {
        f"{name}:{line}: {what}"
        for name in names
        if name != DOOR
        for line, what in changes(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        if what not in ALLOWED.get(name, set())
    }
    assert found == set(), "write, create, append and remove files through offctl.files"


@pytest.mark.parametrize(
    "text",
    [
        "open(p, 'w')", "p.open('ab')", "io.open(p, mode='r+')", "p.write_text(x)",
        "os.rename(a, b)",
        "p.rename(b)", "os.open(p, os.O_RDWR)", "import shutil", "from tempfile import mkstemp",
        "path.unlink()", "os.remove(p)", "p.symlink_to(q)", "os.truncate(p, 0)", "self.p.touch()",
    ],
)  # fmt: skip
def test_the_rule_sees(text: str) -> None:
    assert list(changes(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    ["open(p)", "p.open('rb')", "open(p, encoding='utf-8')", "files.remove(p)", "x.write(b)"],
)
def test_the_rule_lets_pass(text: str) -> None:
    assert not list(changes(ast.parse(text)))
