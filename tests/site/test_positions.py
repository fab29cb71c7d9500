"""The scanner finds the line of every key that the parser finds, however it is written."""

from collections.abc import Iterator
from pathlib import Path
import random
import re

import pytest
import tomli

from offctl_cli.site import positions
from offctl_cli.site.key import Path as KeyPath

TRICKY = (Path(__file__).parent / "data" / "tricky.toml").read_text()
_PART = re.compile(r"""\[(?P<index>\d+)\]|\.?(?P<key>"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)""")


def path_of(text: str) -> KeyPath:
    parts: list[str | int] = []
    for match in _PART.finditer(text):
        if match["index"]:
            parts.append(int(match["index"]))
        else:
            (key,) = tomli.loads(f"{match['key']} = 1")
            parts.append(key)
    return tuple(parts)


EXPECTED = [
    (match[1], number)
    for number, line in enumerate(TRICKY.splitlines(), start=1)
    if (match := re.search(r"#= (.+)$", line)) and number > 1
]


def paths(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from paths(each, (*path, key))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from paths(each, (*path, index))


@pytest.mark.parametrize(("shown", "line"), EXPECTED)
def test_key_is_on_its_line(shown: str, line: int) -> None:
    assert positions.scan(TRICKY).lines[path_of(shown)] == line


def test_nothing_the_parser_finds_is_missing_and_nothing_more_is_found() -> None:
    assert len(EXPECTED) > 40
    assert set(positions.scan(TRICKY).lines) == set(paths(tomli.loads(TRICKY)))


def test_crlf_lines_count_like_others() -> None:
    text = "a = 1\r\n\r\n[t]\r\nb = '''\r\nx'''\r\nc = 2\r\n"
    assert positions.scan(text).lines == {
        ("a",): 1,
        ("t",): 3,
        ("t", "b"): 4,
        ("t", "c"): 6,
    }


def test_a_table_known_only_from_below_has_the_line_of_its_first_key() -> None:
    text = "[x.y]\na.b.c = 1\n[x]\nz = 1\n"
    lines = positions.scan(text).lines
    assert (lines["x",], lines["x", "y"], lines["x", "y", "a"]) == (3, 1, 2)


def test_headers_are_tables_written_as_such() -> None:
    text = "a.b = 1\n[c]\nd = { e = 1 }\n[[f]]\n[f.g]\n"
    assert positions.scan(text).headers == {("c",): 2, ("f", 0): 4, ("f", 0, "g"): 5}


def test_empty_text_has_no_keys() -> None:
    assert positions.scan("").lines == {}
    assert positions.scan("# only a comment").lines == {}


WORDS = ["k", '"q.k"', "'l # k'", "a.b", "x-1"]
VALUES = ["1", '"# ]"', "'}'", '"""\n"x"\\\n"""', "'''\n''x'''", "true", "1.5", "07:32:00"]


def random_value(chance: random.Random, depth: int) -> str:
    kind = chance.random()
    if depth > 3 or kind < 0.6:
        return chance.choice(VALUES)
    if kind < 0.8:
        space = chance.choice(["", " ", "\n  # note [\n"])
        inner = f",{space}".join(
            random_value(chance, depth + 1) for _ in range(chance.randrange(4))
        )
        return f"[{space}{inner}{space}]"
    names = chance.sample(["m", '"n.n"', "'o'"], k=chance.randrange(3))
    return "{" + ", ".join(f"{n} = {random_value(chance, depth + 1)}" for n in names) + "}"


def random_text(chance: random.Random) -> str:
    lines: list[str] = []
    for number in range(chance.randrange(1, 6)):
        words = chance.sample(WORDS, k=chance.randrange(len(WORDS)))
        lines.extend(f"{word} = {random_value(chance, 0)} # c" for word in words)
        lines.append(chance.choice([f"[t{number}.'u v']", "[[arr]]", f"[t{number}]", ""]))
    return "\n".join(lines)


def test_scanner_and_parser_agree_on_random_texts() -> None:
    chance = random.Random(20240914)
    agreed = 0
    for _ in range(400):
        text = random_text(chance)
        try:
            tables = tomli.loads(text)
        except tomli.TOMLDecodeError:
            continue
        agreed += 1
        assert set(positions.scan(text).lines) == set(paths(tables)), text
    assert agreed > 100
