from pathlib import Path

import pytest

from offctl_cli.site import load

SITE = """
[site]
name = "test"

[hosts.h1]

[datasets.data.properties]
{properties}

[datasets.data.place]
h1 = {{ dataset = "tank/data", properties = {{ {place} }} }}
"""


@pytest.mark.parametrize(
    ("properties", "place", "compiled"),
    [
        ('compress = "on"', "", (("compression", "on"),)),
        ('compress = "on"', 'compression = "lz4"', (("compression", "lz4"),)),
        ('compression = "lz4"', 'compress = "on"', (("compression", "on"),)),
        ('recsize = "1M"', 'atime = "off"', (("atime", "off"), ("recordsize", "1M"))),
    ],
)
def test_a_short_name_compiles_to_the_full_one(
    properties: str, place: str, compiled: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    (tmp_path / "site.toml").write_text(SITE.format(properties=properties, place=place))
    site = load.compile_site(tmp_path)
    assert site.findings == ()
    assert site.states[0].datasets[0].properties == compiled


def test_a_short_name_can_be_inherited(tmp_path: Path) -> None:
    text = SITE.format(properties='compress = "on"', place='compression = "inherit"')
    (tmp_path / "site.toml").write_text(text)
    dataset = load.compile_site(tmp_path).states[0].datasets[0]
    assert (dataset.properties, dataset.inherit) == ((), ("compression",))
