# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[routes.*]: public names, the proxy in front, and what answers behind it."""

from dataclasses import dataclass

from offctl_cli.site import declare, endpoint, kinds
from offctl_cli.site.tables import hosts, shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Public names that a proxy container passes on: to a container, a tunnel or an address."""

    names: tuple[str, ...] = declare.required(
        kinds.ListOf(shapes.DOMAIN, or_one=True),
        "Public names; `*.` stands for one label.",
        example=["openfoodfacts.org", "*.openfoodfacts.org"],
    )
    proxy: str = declare.required(
        shapes.NAME, "Container whose NGINX answers for the names.", example="proxy"
    )
    container: str | None = declare.optional(
        shapes.NAME, "Container it passes requests to.", example="off"
    )
    tunnel: str | None = declare.optional(
        shapes.NAME, "Tunnel it passes requests into.", example="off-query"
    )
    address: str | None = declare.optional(
        endpoint.Endpoint(), "Address it passes requests to.", example="10.1.0.200:80"
    )
    port: int = declare.optional(
        kinds.Integer(1, 65535), "Port in the container.", example=80, default=80
    )
    scheme: str = declare.optional(
        kinds.Choice(("http", "https")),
        "How the proxy speaks to what is behind.",
        example="https",
        default="http",
    )
    comment: str | None = hosts.comment()
    reason: str | None = declare.optional(
        shapes.PROSE, "Why it is as it is.", example="until the move is done"
    )
