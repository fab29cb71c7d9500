"""Whatever is done to a site's text, reading it ends in findings or in bundles that read back."""

from collections.abc import Callable
from pathlib import Path
import random

from offctl.desired import bundle
from offctl_cli.site import finding, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
ODD = ["", "''", "-1", "true", "[]", "{}", "[[]]", "nan", "2020-01-01", '"\\u0000"', "'default'",
       "'/'", "'..'", "'é'", "0x" + "f" * 80, "'" + "a/" * 300 + "'", "['a', 'a']",
       "'off'", "113", "{ dataset = 'off' }", "[{}]", "'inherit'"]  # fmt: skip
ROUNDS = 200


def whole_example() -> str:
    """The example as one file, so that a mutation can meet any table."""
    parts = [(EXAMPLE / "site.toml").read_text().replace("include", "# include", 1)]
    parts[0] = "\n".join(
        line for line in parts[0].splitlines() if line.startswith("[site]") or ' = "' in line
    )
    parts += [path.read_text() for path in sorted(EXAMPLE.rglob("*.toml"))
              if path.name != "site.toml"]  # fmt: skip
    return "\n".join(parts)


def value_replaced(chance: random.Random, lines: list[str]) -> None:
    at = chance.choice([n for n, line in enumerate(lines) if " = " in line])
    lines[at] = lines[at].split(" = ")[0] + " = " + chance.choice(ODD)


def line_removed(chance: random.Random, lines: list[str]) -> None:
    del lines[chance.randrange(len(lines))]


def line_doubled(chance: random.Random, lines: list[str]) -> None:
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))


def word_exchanged(chance: random.Random, lines: list[str]) -> None:
    at = chance.randrange(len(lines))
    words = [word for line in lines for word in line.split() if len(word) > 2]
    mine = lines[at].split(" ")
    mine[chance.randrange(len(mine))] = chance.choice(words)
    lines[at] = " ".join(mine)


def header_changed(chance: random.Random, lines: list[str]) -> None:
    at = chance.choice([n for n, line in enumerate(lines) if line.startswith("[")])
    table = chance.choice(["hosts", "containers", "datasets", "flavors", "applications", "tunnels",
                           "routes", "profiles", "clusters", "site"])  # fmt: skip
    lines[at] = f"[{table}.{lines[at].strip('[]').split('.', maxsplit=1)[-1]}]"


def character_changed(chance: random.Random, lines: list[str]) -> None:
    at = chance.choice([n for n, line in enumerate(lines) if line])
    column = chance.randrange(len(lines[at]))
    odd = chance.choice(list("\"'[]{}=.,#\t\\\x7f0é/"))
    lines[at] = lines[at][:column] + odd + lines[at][column + 1 :]


MUTATIONS: list[Callable[[random.Random, list[str]], None]] = [
    value_replaced,
    line_removed,
    line_doubled,
    word_exchanged,
    header_changed,
    character_changed,
]


def test_the_example_as_one_file_is_clean(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(whole_example())
    assert load.compile_site(tmp_path).findings == ()


def test_no_mutation_raises(tmp_path: Path) -> None:
    chance = random.Random(31)
    original = whole_example().splitlines()
    found = read_back = 0
    for _ in range(ROUNDS):
        lines = list(original)
        for _ in range(chance.randrange(1, 4)):
            chance.choice(MUTATIONS)(chance, lines)
        (tmp_path / "site.toml").write_text("\n".join(lines))
        compiled = load.compile_site(tmp_path)
        assert not [each for each in compiled.findings if each.code == "bundle"], lines
        for each in compiled.findings:
            assert isinstance(each, finding.Finding)
            assert each.text
            found += 1
        if not compiled.has_errors:
            read_back += 1
            for state in compiled.states:
                assert bundle.parse(bundle.dump(state)) == state
    assert found > ROUNDS
    assert read_back > ROUNDS // 20
