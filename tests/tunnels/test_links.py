"""All seven links of production at once: data through each, strangers refused, reloads counted."""

from collections.abc import Iterator
from pathlib import Path
import tempfile

import pytest

from tunnels.production import LINKS, Production, production

EXPECTED = {name: target for name, _, _, target in LINKS}


@pytest.fixture
def links() -> Iterator[Production]:
    with tempfile.TemporaryDirectory(prefix="offctl-links-") as directory:
        Path(directory).chmod(0o755)
        with production(Path(directory)) as made:
            yield made


def test_every_link_carries_data_to_its_own_target_and_to_no_other(links: Production) -> None:
    for host in links.hosts.values():
        host.converge()
    assert links.answers() == EXPECTED
    for host in links.hosts.values():
        for seen in host.look():
            assert (seen.unknown, seen.obstacle, seen.refusal) == ("", "", "")
            assert (seen.different, seen.leftover, seen.surplus) == ((), (), ())
            assert seen.loaded
            assert {end.trouble for end in seen.ends} == {""}
            assert {end.proof for end in seen.ends} <= {"", None}
    listening = links.seats["off2", 101].process(
        f"{links.seats['off2', 101].directory}/off/off.conf"
    )
    assert listening is not None
    assert {s for s in listening.listening if not s.startswith("127.")} == {
        "0.0.0.0:27017",
        "0.0.0.0:6379",
    }


def test_two_clients_of_one_section_have_two_keys_and_neither_has_the_others(
    links: Production,
) -> None:
    for host in links.hosts.values():
        host.converge()
    server = Path(links.seats["off2", 101].directory) / "off/psk"
    (file,) = server.glob("OffRedis.*")
    lines = dict(line.split(":") for line in file.read_text().splitlines())
    assert sorted(lines) == ["moji-offredis", "ovh1-offredis-g1"] or len(lines) == 2
    assert len(set(lines.values())) == 2
    for seat in (("ovh1", 113), ("moji", 101)):
        (own,) = (Path(links.seats[seat].directory) / "off/psk").glob("OffRedis.*")
        (line,) = own.read_text().splitlines()
        assert line in file.read_text()


def test_five_changes_at_once_are_one_reload(links: Production) -> None:
    for host in links.hosts.values():
        host.converge()
    proxy = links.seats["off2", 101]
    proxy.asked.clear()
    rotated = []
    from dataclasses import replace

    for end in links.hosts["off2"].ends:
        rotated.append(end)
        if end.role == "server" and not end.psk_file:
            base = end.identity.removesuffix("-g1")
            rotated += [replace(end, generation=g, identity=f"{base}-g{g}") for g in (2, 3, 4)]
    links.hosts["off2"].ends = tuple(rotated)
    links.hosts["off2"].converge()
    assert proxy.asked == ["launch", "reload"]
    assert links.answers() == EXPECTED
