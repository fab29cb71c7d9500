"""The files of a site: includes, their bounds, and what stands in two of them."""

from collections.abc import Callable
import os
from pathlib import Path

import pytest

from offctl import errors
from offctl_cli.site import load, source

Write = Callable[[dict[str, str]], Path]

ENTRY = 'include = ["hosts/*.toml", "more.toml"]\n[site]\nname = "s"\n'
FILES = {"site.toml": ENTRY, "hosts/a.toml": "[hosts.a]\n", "more.toml": "[hosts.b]\n"}


def said(directory: Path) -> list[str]:
    return [
        f"{each.file.removeprefix(f'{directory}/')}:{each.line} {each.code}: {each.text}"
        for each in load.read_site(directory).findings
    ]


def test_included_files_make_one_site(write: Write) -> None:
    site = load.read_site(write(FILES))
    assert site.findings == ()
    assert list(site.hosts) == ["a", "b"]
    assert Path(site.place(("hosts", "a")).file).parts[-2:] == ("hosts", "a.toml")


def test_directory_and_file_name_the_same_site(write: Write) -> None:
    directory = write(FILES)
    assert load.read_site(directory).hosts == load.read_site(directory / "site.toml").hosts


def test_places_are_relative_to_where_the_site_was_named(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write({"deep/" + name: text for name, text in FILES.items()})
    monkeypatch.chdir(directory)
    assert load.read_site(Path("deep")).place(("hosts", "a")).file == "deep/hosts/a.toml"
    monkeypatch.chdir(directory / "deep")
    assert load.read_site(Path()).place(("hosts", "a")).file == "hosts/a.toml"


def test_a_pattern_may_match_nothing_but_a_name_must_not(write: Write) -> None:
    directory = write({"site.toml": ENTRY, "other.toml": ""})
    assert said(directory) == [
        "site.toml:1 include: cannot include 'more.toml': "
        f"there is no such file below {directory}"
    ]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("../x.toml", "it must stay in the site's directory"),
        ("a/../../x.toml", "it must stay in the site's directory"),
        ("/etc/x.toml", "it must be relative to the site's directory"),
        ("~/x.toml", "it must be relative to the site's directory"),
        ("a/**/x.toml", "`**` is not supported, name the directories"),
        ("hosts", "it must end in .toml"),
        ("x.toml.bak", "it must end in .toml"),
    ],
)
def test_pattern_that_could_leave_the_site(write: Write, pattern: str, why: str) -> None:
    text = '[site]\nname = "s"\n[hosts.a]\n'
    directory = write({"site.toml": f"include = ['{pattern}']\n{text}"})
    (directory.parent / "x.toml").write_text("[hosts.outside]\n")
    assert said(directory) == [f"site.toml:1 include: cannot include {pattern!r}: {why}"]


def test_links_that_lead_outside_are_not_followed(write: Write, tmp_path: Path) -> None:
    directory = write({"s/site.toml": ENTRY, "s/more.toml": "", "secret.toml": "[hosts.c]\n"})
    (directory / "s/hosts").mkdir()
    (directory / "s/hosts/l.toml").symlink_to(tmp_path / "secret.toml")
    (found,) = said(directory / "s")
    assert found == (
        f"hosts/l.toml:0 include: cannot include {directory}/s/hosts/l.toml: "
        f"it leads outside the site's directory, to {tmp_path}/secret.toml"
    )


def test_links_inside_the_site_are_fine(write: Write) -> None:
    directory = write({**FILES, "shared/c.toml": "[hosts.c]\n"})
    (directory / "hosts/l.toml").symlink_to("../shared/c.toml")
    assert said(directory) == []
    assert "c" in load.read_site(directory).hosts


def test_link_that_leads_nowhere_and_special_files(write: Write) -> None:
    directory = write(FILES)
    (directory / "hosts/gone.toml").symlink_to("nowhere.toml")
    (directory / "hosts/loop.toml").symlink_to("loop.toml")
    os.mkfifo(directory / "hosts/pipe.toml")
    found = said(directory)
    assert [text.split(": ")[0] for text in found] == [
        "hosts/gone.toml:0 include",
        "hosts/loop.toml:0 include",
        "hosts/pipe.toml:0 include",
    ]


def test_sizes_are_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write({**FILES, "hosts/big.toml": "# " + "x" * source.MAX_FILE})
    assert said(directory) == [
        "hosts/big.toml:0 include: "
        f"cannot read {directory}/hosts/big.toml: larger than {source.MAX_FILE} bytes"
    ]
    (directory / "hosts/big.toml").unlink()
    monkeypatch.setattr(source, "MAX_TOTAL", 15)
    assert said(directory) == ["more.toml:0 include: the site is larger than 15 bytes in all"]
    monkeypatch.setattr(source, "MAX_FILES", 1)
    assert said(directory)[-1].endswith("cannot include 'more.toml': more than 1 files")


def test_no_site_is_the_only_thing_raised(tmp_path: Path) -> None:
    with pytest.raises(errors.AdminError, match=r"cannot read .*/site\.toml: no such file"):
        load.read_site(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = 1\nb = \n", 2, "not TOML: Invalid value"),
        ("a = 1\n\na = 2\n", 3, "not TOML: Cannot overwrite a value"),
        ("[a]\n[a]\n", 2, "not TOML: Cannot declare ('a',) twice"),
        ("x = [1,\n2", 2, "not TOML: Unclosed array"),
        ('x = "never closed\ny = 1\n', 1, "not TOML: Illegal character '\\n'"),
        ("x = " + "[" * 5000, 0, "not TOML: nested too deeply"),
        ("x = " + "[1,[1],[" * 2000 + "]]" * 2000, 0, "not TOML: nested too deeply"),
        ("a.b.c.d.e.f.g." + "h." * 5000 + "i = 1", 1, "a key has more than 24 parts"),
        ("x = " + "9" * 5000, 0, "not TOML: Exceeds the limit"),
    ],
    ids=lambda each: each[:20] if isinstance(each, str) else None,
)
def test_what_is_not_toml_is_one_finding_with_its_line(
    write: Write, text: str, line: int, why: str
) -> None:
    (found,) = said(write({**FILES, "more.toml": text}))
    assert found.startswith(f"more.toml:{line} toml-syntax: {why}")


def test_bytes_that_are_not_utf8(write: Write) -> None:
    directory = write(FILES)
    (directory / "more.toml").write_bytes(b"# fine\n# caf\xe9\n")
    assert said(directory) == ["more.toml:2 toml-syntax: not UTF-8: byte 0xe9"]


def test_broken_entry_says_only_that(write: Write) -> None:
    assert said(write({"site.toml": "include = ['a'\n"})) == [
        "site.toml:1 toml-syntax: not TOML: Unclosed array"
    ]


def test_only_the_entry_includes(write: Write) -> None:
    directory = write({**FILES, "more.toml": '\ninclude = ["again.toml"]\n'})
    assert said(directory) == ["more.toml:2 include: only site.toml can include other files"]


def test_one_table_in_two_files_names_both(write: Write) -> None:
    directory = write({**FILES, "more.toml": "\n[hosts.a]\nmode = 'audit'\n"})
    (found,) = said(directory)
    assert found == (
        f"more.toml:2 defined-twice: hosts.a stands here and at {directory}/hosts/a.toml:1"
    )


def test_one_key_in_two_files_names_both(write: Write) -> None:
    files = {"hosts/a.toml": "hosts.a.mode = 'audit'\n", "more.toml": "hosts.a.mode = 'audit'\n"}
    (found,) = said(write({**FILES, **files}))
    assert "more.toml:1 defined-twice: hosts.a.mode stands here and at" in found
    assert found.endswith("/hosts/a.toml:1")


def test_tables_below_one_table_may_stand_in_several_files(write: Write) -> None:
    files = {
        "hosts/a.toml": "[hosts.a]\npools = ['p']\n",
        "more.toml": "[hosts.a.bridges]\npublic = 'vmbr0'\n",
    }
    directory = write({**FILES, **files})
    assert said(directory) == []
    host = load.read_site(directory).hosts["a"]
    assert (host.pools, host.bridges.public) == (("p",), "vmbr0")


def test_a_file_is_read_once_however_often_it_is_named(write: Write) -> None:
    entry = ENTRY.replace('"more.toml"', '"more.toml", "*.toml", "hosts/a.toml"')
    assert said(write({**FILES, "site.toml": entry})) == []
