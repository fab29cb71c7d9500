# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[tunnels.*]: an encrypted connection between hosts, declared once; both ends follow."""

from dataclasses import dataclass

from offctl.desired import names
from offctl_cli.site import declare, endpoint, kinds
from offctl_cli.site.tables import hosts, shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEnd:
    """Where consumers connect to: stunnel in client mode."""

    container: str | None = declare.optional(
        shapes.NAME, "Container stunnel runs in.", example="ovh-stunnel-client"
    )
    host: str | None = declare.optional(
        shapes.NAME, "Host stunnel runs on, when in no container.", example="ovh1"
    )
    unmanaged: str | None = declare.optional(
        shapes.NAME, "Name of an end that this site does not manage.", example="moji"
    )
    accept: str = declare.required(
        endpoint.Endpoint(bare_port=True),
        "Address and port consumers connect to; never a public one.",
        example="10.1.0.113:6379",
    )
    comment: str | None = hosts.comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEnd:
    """Where the tunnel arrives: stunnel in server mode."""

    container: str | None = declare.optional(
        shapes.NAME, "Container stunnel runs in.", example="proxy"
    )
    host: str | None = declare.optional(
        shapes.NAME, "Host stunnel runs on, when in no container.", example="off2"
    )
    unmanaged: str | None = declare.optional(
        shapes.NAME, "Name of an end that this site does not manage.", example="moji"
    )
    accept: str = declare.required(
        endpoint.Endpoint(bare_port=True),
        "Port, or address and port, that clients of the tunnel reach.",
        example=6379,
    )
    address: str = declare.required(
        endpoint.Endpoint(),
        "Public name or address and port that the client end connects to.",
        example="proxy2.openfoodfacts.org:6379",
    )
    comment: str | None = hosts.comment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """One encrypted connection. Its key is its own; two tunnels never share one."""

    service: str = declare.required(
        shapes.NAME, "What travels through it; names the section.", example="OffRedis"
    )
    client: ClientEnd = declare.required(
        kinds.TableOf(ClientEnd),
        "The end that consumers connect to.",
        example={"container": "ovh-stunnel-client", "accept": "10.1.0.113:6379"},
        name="from",
    )
    server: ServerEnd = declare.required(
        kinds.TableOf(ServerEnd),
        "The end where it arrives.",
        example={"container": "proxy", "accept": 6379, "address": "proxy2.example.org:6379"},
        name="to",
    )
    target: str = declare.required(
        endpoint.Endpoint('an endpoint such as "10.1.0.122:6379" or "off-redis:6379"'),
        "Where the server end connects to: an address, or a container of the same cluster.",
        example="off-redis:6379",
    )
    generation: int = declare.optional(
        kinds.Integer(1, 1_000_000),
        "One more for a new key.",
        example=2,
        default=1,
    )
    rotation: str | None = declare.optional(
        kinds.Choice(("accept", "switch")),
        "Where a rotation stands: the server accepts the new key too, or clients use it.",
        example="accept",
    )
    revoked: int | None = declare.optional(
        kinds.Integer(1, 1_000_000),
        "Connections with the key of this generation, or an older one, are cut.",
        example=1,
    )
    section: str | None = declare.optional(
        shapes.NAME, "Section in the configuration, when not the service.", example="MongoDB"
    )
    identity: str | None = declare.optional(
        kinds.Text("lower-case letters, digits, '.', '_' and '-'", names.PSK_IDENTITY, most=56),
        "Identity of the client end; -gN follows it unless psk_file holds the key.",
        example="ovh-proxy-redis",
    )
    instance: str = declare.optional(
        shapes.NAME, "stunnel instance on both ends.", example="off", default="off"
    )
    psk_file: str | None = declare.optional(
        shapes.FILE_PATH,
        "File with the key on the managed end, when the other one is not managed.",
        example="/etc/offctl/psk/moji-redis",
    )
    psk: str | None = declare.optional(
        kinds.Choice(("keep",)),
        "The managed ends keep the files and keys that people made there.",
        example="keep",
    )
    consumers: tuple[str, ...] = declare.optional(
        kinds.ListOf(shapes.PROSE),
        "Who uses it, for people.",
        example=["robotoff", "search"],
        default=(),
    )
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it is as it is.", example="the far end has IPv6 only"
    )
