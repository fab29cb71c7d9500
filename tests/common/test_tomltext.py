"""TOML that is written for people says what it was made from, and is harmless to look at."""

from hypothesis import given, settings
from hypothesis import strategies as st
import tomli

from offctl import tomltext

QUICK = settings(max_examples=200, deadline=None, derandomize=True, database=None)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40
) | st.sampled_from(['"""', "\\", "a\n\\", '"\n"""', "\u202eevil\n", "\x1b[31m", "\x85", "\u2028"])
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-(2**40), 2**40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@QUICK
@given(st.dictionaries(TEXTS, VALUES, max_size=5), TEXTS, TEXTS)
def test_what_is_written_reads_back(values: dict[str, object], name: str, said: str) -> None:
    text = tomltext.comment([said]) + tomltext.header("t", name) + tomltext.lines(values)
    assert tomli.loads(text) == {"t": {name: values}}
    assert all(line.isprintable() for line in text.split("\n"))
