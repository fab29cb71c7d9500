"""Two hundred typing errors in the example: what each does to the site that comes out."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
import random
import re
import shutil

import pytest

from offctl_cli.site import declare, load, schema
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.finding import Severity

EXAMPLE = Path(__file__).parents[3] / "examples" / "openfoodfacts"
SEED = 20240313
EACH = 25

_KEY = re.compile(r"^(?P<key>[a-z_]+)(?= = )")
_STRING = re.compile(r'"(?P<text>[^"]{3,})"')
_NUMBER = re.compile(r"(?<![\w.:-])(?P<text>[0-9]+)(?![\w.:-])")
_SIZE = re.compile(r'"[0-9]+(?P<text>G)"')
_POOL = re.compile(r"(?P<text>zfs-hdd|zfs-nvme)/")

_FOR_PEOPLE = re.compile(r"#|comment|title|consumers")

# Other bare keys are names that the operator chose.
KNOWN_KEYS = {each.name for cls in schema.tables().values() for each in declare.keys(cls).values()}

Edit = Callable[[str, random.Random], str]


def drop(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


def swap(text: str, chance: random.Random) -> str:
    at = chance.choice([at for at in range(len(text) - 1) if text[at] != text[at + 1]])
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def case(text: str, chance: random.Random) -> str:
    at = chance.choice([at for at in range(len(text)) if text[at].isalpha()])
    return text[:at] + text[at].swapcase() + text[at + 1 :]


def unit(text: str, chance: random.Random) -> str:
    del text
    return chance.choice("MTK")


def pool(text: str, chance: random.Random) -> str:
    return chance.choice([each for each in ("zfs-hdd", "zfs-nvme", "rpool") if each != text])


def digit(text: str, chance: random.Random) -> str:
    return chance.choice([text + "0", text[:-1] or "-1"])


KINDS: dict[str, tuple[re.Pattern[str], str, Edit]] = {
    "key-drop": (_KEY, "key", drop),
    "key-swap": (_KEY, "key", swap),
    "key-case": (_KEY, "key", case),
    "value-drop": (_STRING, "text", drop),
    "value-swap": (_STRING, "text", swap),
    "unit": (_SIZE, "text", unit),
    "pool": (_POOL, "text", pool),
    "number": (_NUMBER, "text", digit),
}


def lines() -> list[tuple[Path, int, str]]:
    """File, index and text of each line that says something to the programs."""
    return [
        (path.relative_to(EXAMPLE), index, line)
        for path in sorted(EXAMPLE.rglob("*.toml"))
        for index, line in enumerate(path.read_text().splitlines())
        if line.strip() and not _FOR_PEOPLE.match(line)
    ]


def mutations(kind: str) -> list[tuple[Path, int, str, str]]:
    """File, line index, the line as it is, and with one error."""
    pattern, group, edit = KINDS[kind]
    chance = random.Random(f"{SEED} {kind}")
    places = [
        (path, index, line, match)
        for path, index, line in lines()
        for match in pattern.finditer(line)
        if group != "key" or match[group] in KNOWN_KEYS
    ]
    chance.shuffle(places)
    made = []
    for path, index, line, match in (places * EACH)[:EACH]:
        wrong = edit(match[group], chance)
        made.append(
            (path, index, line, line[: match.start(group)] + wrong + line[match.end(group) :])
        )
    return made


def outcome(site: Path, path: Path, index: int, wrong: str, right: Compiled) -> str:
    """caught, the same, or silent: another site comes out and nothing is said."""
    before = (EXAMPLE / path).read_text()
    written = before.splitlines()
    written[index] = wrong
    (site / path).write_text("\n".join(written) + "\n")
    compiled = load.compile_site(site)
    (site / path).write_text(before)
    if compiled.findings:
        return "caught"
    return "same" if compiled.states == right.states else "silent"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "site")
    return tmp_path / "site"


# How many of 25 are caught at least. Measured with four seeds: all of the keys, and of the others
# 10-15, 11-19, 24, 12-17 and 9-21. The rest says something else that is possible too: another
# owner, another number of cores or share of a host, another pool that the host has.
@pytest.mark.parametrize(
    ("kind", "caught"),
    [
        ("key-drop", 25),
        ("key-swap", 25),
        ("key-case", 25),
        ("value-drop", 9),
        ("value-swap", 10),
        ("unit", 22),
        ("pool", 10),
        ("number", 8),
    ],
)
def test_typing_errors_are_caught(kind: str, caught: int, site: Path) -> None:
    right = load.compile_site(site)
    passed = []
    for path, index, line, wrong in mutations(kind):
        what = outcome(site, path, index, wrong, right)
        if what != "caught":
            passed.append(f"{what} {path}:{index + 1}: {line!r} -> {wrong!r}")
    assert EACH - len(passed) >= caught, "\n".join(passed)


def test_any_line_may_be_missing_without_a_crash(site: Path) -> None:
    right = load.compile_site(site)
    chance = random.Random(SEED)
    counts = Counter(
        outcome(site, path, index, "", right) for path, index, _ in chance.sample(lines(), 60)
    )
    assert counts.total() == 60
    assert counts["caught"] >= 20


def test_an_empty_file_is_no_site_that_wants_nothing(site: Path) -> None:
    for content in ("", "\n", "# nothing\n", "[site]\n"):
        (site / "site.toml").write_text(content)
        compiled = load.compile_site(site)
        assert any(each.severity is Severity.ERROR for each in compiled.findings)
