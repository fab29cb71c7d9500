"""Tunnels: both ends follow from one declaration, and which key they share."""

from collections.abc import Callable

from offctl.desired.model import TunnelEnd
from offctl_cli.site.compiler import Compiled

Compile = Callable[[str], Compiled]

TWO = """\
[hosts.g]
cluster = "c"
[containers.client]
use = "po"
id = 103
[containers.redis]
use = "po"
id = 122
[tunnels.t]
service = "Redis"
from = { container = "client", accept = "10.1.0.103:6379" }
to = { host = "g", accept = "[::]:6379", address = "[2001:db8::1]:6379" }
target = "redis:6380"
consumers = ["b", "a"]
"""
KEY = "x25519:" + "A" * 43 + "="
IDENTITY = "[hosts.{host}.identity]\ncertificate = 'PEM'\ntunnel_key = '" + KEY + "'\n"


def ends(result: Compiled) -> tuple[TunnelEnd, TunnelEnd]:
    assert [str(each) for each in result.findings] == []
    g, h = result.states
    return h.tunnels[0], g.tunnels[0]


def test_two_managed_ends(compiled: Compile, base: str) -> None:
    client, server = ends(compiled(base + TWO + IDENTITY.format(host="g")))
    assert client == TunnelEnd(
        name="t",
        role="client",
        section="Redis",
        container=103,
        instance="off",
        accept="10.1.0.103:6379",
        connect="2001:db8::1:6379",
        identity="h-redis-g1",
        generation=1,
        peer_host="g",
        peer_key=KEY,
        consumers=("a", "b"),
    )
    assert (server.role, server.container, server.accept) == ("server", 0, ":::6379")
    assert server.connect == "10.1.0.122:6380"
    assert (server.peer_host, server.peer_key, server.psk_file) == ("h", "", "")
    assert server.identity == client.identity


def test_a_new_generation_is_a_new_identity(compiled: Compile, base: str) -> None:
    for generation, identity in ((1, "h-redis-g1"), (12, "h-redis-g12")):
        text = f"{base}{TWO}generation = {generation}\n"
        assert {end.identity for end in ends(compiled(text))} == {identity}


def test_written_identity_carries_the_generation_too(compiled: Compile, base: str) -> None:
    client, server = ends(compiled(base + TWO + "identity = 'old-name'\ngeneration = 3\n"))
    assert (client.identity, server.identity) == ("old-name-g3", "old-name-g3")


def test_a_key_from_a_file_has_the_identity_that_is_in_the_file(
    compiled: Compile, base: str
) -> None:
    text = base + TWO + "identity = 'old-name'\npsk_file = '/etc/offctl/psk/t'\n"
    client, server = ends(compiled(text + IDENTITY.format(host="g")))
    assert (client.identity, client.psk_file, client.peer_key) == (
        "old-name",
        "/etc/offctl/psk/t",
        "",
    )
    assert server.psk_file == "/etc/offctl/psk/t"


def test_a_long_identity_keeps_its_generation(compiled: Compile, base: str) -> None:
    text = base + TWO.replace('"Redis"', '"' + "R" * 63 + '"') + "generation = 7\n"
    client, _ = ends(compiled(text))
    assert len(client.identity) == 64
    assert client.identity.endswith("-g7")


def test_both_ends_on_one_host(compiled: Compile, base: str) -> None:
    text = base + TWO.replace('host = "g"', 'container = "redis"')
    result = compiled(text)
    assert result.findings == ()
    client, server = result.states[1].tunnels
    assert (client.role, server.role) == ("client", "server")
    assert (client.container, server.container) == (103, 122)
    assert result.states[0].tunnels == ()


def test_where_an_end_is_written(compiled: Compile, base: str) -> None:
    result = compiled(base + TWO)
    start = base.count("\n")
    assert result.origins["h", "tunnel", "t/client"].line == start + 11
    assert result.origins["g", "tunnel", "t/server"].line == start + 12


def test_a_target_without_internal_address(compiled: Compile, base: str) -> None:
    text = base + TWO + "[containers.redis.networks.eth0]\nrole = 'public'\n"
    (found,) = compiled(text).findings
    assert found.text == "tunnels.t.target names container redis, which has no internal address"
