from pathlib import Path

import pytest
import tomli

from offctl import errors
from offctl.desired import properties

CASES = tomli.loads((Path(__file__).parent / "properties.toml").read_text())
SAME = [
    (name, spelling, group[0])
    for name, groups in CASES["same"].items()
    for group in groups
    for spelling in group
]
REFUSED = [(name, value) for name, values in CASES["refused"].items() for value in values]


@pytest.mark.parametrize(("name", "spelling", "canonical"), SAME)
def test_every_spelling_has_one_canonical_form(name: str, spelling: str, canonical: str) -> None:
    assert properties.normalise(name, spelling) == canonical


@pytest.mark.parametrize(("name", "spelling", "canonical"), SAME)
def test_a_canonical_form_stays_as_it_is(name: str, spelling: str, canonical: str) -> None:
    assert properties.normalise(properties.canonical_name(name), canonical) == canonical


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_zfs_would_refuse_is_refused(name: str, value: str) -> None:
    with pytest.raises(errors.MalformedError, match=r"^cannot (set|use) "):
        properties.normalise(name, value)


def test_a_refusal_shows_the_value_and_what_would_do() -> None:
    with pytest.raises(errors.MalformedError) as caught:
        properties.normalise("relatime", "no")
    assert str(caught.value) == "cannot set relatime to 'no': it must be one of on, off"


def test_aliases_name_supported_properties() -> None:
    assert properties.canonical_name("compress") == "compression"
    assert set(properties.ALIASES.values()) <= properties.SUPPORTED
    assert not set(properties.ALIASES) & properties.SUPPORTED


def test_creation_only_properties_are_supported() -> None:
    assert properties.CREATION_ONLY <= properties.SUPPORTED


@pytest.mark.parametrize("name", sorted(properties.SUPPORTED))
def test_every_supported_property_says_what_it_expects(name: str) -> None:
    assert properties.expected(name)
    with pytest.raises(errors.MalformedError):
        properties.normalise(name, "no such value")
