"""The mount table keeps the kernel's rule of what hides what."""

import pytest

from offctl.errors import MalformedError
from offctl_agent.simulated import mounts
from offctl_agent.simulated.mounts import MountTable, Place


def _table(*made: tuple[str, str]) -> MountTable:
    table = MountTable()
    for guid, path in made:
        table = table.with_mount(guid, path)
    return table


@pytest.mark.parametrize(
    ("made", "path", "place"),
    [
        ([], "/a/b", Place("", "a/b")),
        ([], "/", Place("", "")),
        ([("A", "/a")], "/a", Place("A", "")),
        ([("A", "/a")], "/a/b/c", Place("A", "b/c")),
        ([("A", "/a")], "/ab", Place("", "ab")),
        ([("A", "/a"), ("B", "/a/b")], "/a/b/c", Place("B", "c")),
        # The outer one came later: the inner mount is there, and nobody sees it.
        ([("B", "/a/b"), ("A", "/a")], "/a/b/c", Place("A", "b/c")),
        ([("A", "/a"), ("B", "/a")], "/a/x", Place("B", "x")),
        ([("R", "/"), ("A", "/a")], "/a/x", Place("A", "x")),
        ([("A", "/a"), ("R", "/")], "/a/x", Place("R", "a/x")),
    ],
)
def test_place(made: list[tuple[str, str]], path: str, place: Place) -> None:
    assert _table(*made).place(path) == place


def test_a_hidden_mount_is_found_but_not_visible() -> None:
    table = _table(("B", "/a/b"), ("A", "/a"))
    hidden, shown = table.of("B"), table.of("A")
    assert hidden is not None
    assert shown is not None
    assert not table.visible(hidden)
    assert table.visible(shown)
    assert table.of("C") is None


def test_unmounting_shows_what_was_under() -> None:
    table = _table(("A", "/a"), ("B", "/a/b")).without("B")
    assert table.place("/a/b") == Place("A", "b")


def test_a_table_survives_its_file() -> None:
    table = _table(("A", "/a b"), ("B", "/a b/c"))
    assert mounts.parse(mounts.as_json(table)) == table


@pytest.mark.parametrize("value", [[1], [{"number": 1}], 7, [{"bogus": 1}]])
def test_a_damaged_table_is_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        mounts.parse(value)
