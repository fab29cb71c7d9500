"""What the agent can ask of ZFS and of the system at all, read from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import offctl
import offctl_agent
from offctl_agent.proxmox.zfs import USED

HOME = Path(offctl_agent.__file__).parent
# Which commands an action is stands with the planner, which others share.
COMMON = Path(offctl.__file__).parent
VERBS = {
    "zfs": {"create", "get", "inherit", "mount", "set"},
    "zpool": {"history", "list"},
}
SOURCES = {path: ast.parse(path.read_text()) for path in sorted(HOME.rglob("*.py"))}
# The simulated host plays the programs that an operator has.
OURS = {p: t for p, t in SOURCES.items() if p.relative_to(HOME).parts[0] != "simulated"} | {
    path: ast.parse(path.read_text()) for path in sorted(COMMON.rglob("*.py"))
}


def words(tree: ast.AST) -> Iterator[list[str]]:
    """Every literal list of words, as far as they are literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Call):
            parts = node.args if isinstance(node, ast.Call) else node.elts
            yield [p.value if isinstance(p, ast.Constant) else "?" for p in parts]


def test_one_module_starts_programs() -> None:
    importing = {
        str(path.relative_to(HOME))
        for path, tree in SOURCES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(a.name == "subprocess" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "subprocess")
    }
    assert importing == {"host/run.py"}


def test_no_other_verb_of_zfs_stands_in_the_source() -> None:
    used: dict[str, set[str]] = {}
    for tree in OURS.values():
        for line in words(tree):
            if len(line) > 1 and line[0] in VERBS and line[1] not in ("?", "zpool"):
                used.setdefault(line[0], set()).add(line[1])
    assert used == VERBS


def test_no_other_function_of_the_library_is_used() -> None:
    used = {
        node.attr
        for tree in OURS.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("lzc_")
    }
    assert used == set(USED)


def test_the_only_flag_that_recurses_reads() -> None:
    for path, tree in OURS.items():
        for line in words(tree):
            if {"-r", "-R", "-f", "-F", "-rf"} & set(line):
                assert line[:2] == ["zfs", "get"], path
