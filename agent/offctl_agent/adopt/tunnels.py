"""The stunnels that people set up, each section as one end of a tunnel that is kept as it is."""

from collections.abc import Iterable, Mapping
import re

from offctl import freenames
from offctl.desired import addresses, names, tunnelplaces
from offctl.desired.model import TunnelEnd
from offctl.observed import FoundStunnel
from offctl_agent.adopt import shapes
from offctl_agent.adopt.left import Lefts

_MAIN = re.compile(r"/etc/stunnel/([A-Za-z0-9][A-Za-z0-9._-]{0,62})\.conf")
_CLIENT, _SERVER = "client", "server"


def choose(
    found: Iterable[FoundStunnel],
    host: str,
    containers: Mapping[int, str],
    lefts: Lefts,
) -> tuple[TunnelEnd, ...]:
    """The ends of every stunnel that can be kept whole; of the others none."""
    chosen: list[TunnelEnd] = []
    used: set[str] = set()
    for stunnel in sorted(found, key=lambda each: (each.container, each.configuration)):
        where = containers.get(stunnel.container, "the host" if not stunnel.container else "")
        what = f"stunnel {stunnel.configuration[:80]} of {where or 'a place not taken over'}"
        ends, reason = _ends(stunnel, host, where, used)
        if reason:
            exposed = reason.startswith((_EXPOSED, _CLEAR))
            (lefts.hazard if exposed else lefts.leave)(what, reason)
            continue
        chosen += ends
        used |= {end.name for end in ends}
    return tuple(sorted(chosen, key=lambda end: (end.name, end.role, end.generation)))


_EXPOSED = "everybody can reach"
_CLEAR = "what arrives is sent on in the clear"


def _ends(
    stunnel: FoundStunnel, host: str, where: str, used: set[str]
) -> tuple[list[TunnelEnd], str]:
    if not where:
        return [], "its container is not taken over"
    if stunnel.configuration.startswith((tunnelplaces.INSIDE, tunnelplaces.ON_HOST)):
        return [], "offctl made it: copy its [tunnels.*] from the site that asked for it"
    main = _MAIN.fullmatch(stunnel.configuration)
    if main is None:
        return [], "only /etc/stunnel/NAME.conf, as Debian's unit starts it, can be kept"
    if stunnel.unread:
        return [], stunnel.unread
    ends: list[TunnelEnd] = []
    taken = set(used)
    for section, settings in stunnel.sections:
        end = _end(stunnel.container, main[1], section, dict(settings), host, where, taken)
        if isinstance(end, str):
            return [], f"[{section[:60]}]: {end}" if not end.startswith((_EXPOSED, _CLEAR)) else end
        ends.append(end)
        taken.add(end.name)
    return ends, "" if ends else "it has no section"


def _end(
    container: int,
    instance: str,
    section: str,
    settings: Mapping[str, str],
    host: str,
    where: str,
    used: set[str],
) -> TunnelEnd | str:
    accept, connect = settings.get("accept", ""), settings.get("connect", "")
    is_client = settings.get("client", "no") == "yes"
    if not names.NAME.fullmatch(section) or section.lower().startswith("offctl"):
        return "a site cannot call it so"
    if not shapes.endpoint(accept, bare_port=True) or not shapes.endpoint(connect):
        return f"the site cannot say where it accepts ({accept[:60]}) or connects ({connect[:60]})"
    if settings.get("PSKsecrets") != "yes":
        return "it has no pre-shared key (PSKsecrets)"
    at = accept.rpartition(":")[0]
    if is_client and at != "localhost" and not shapes.internal(at):
        return f"{_EXPOSED} [{section}] at {accept}: let it listen on one private address"
    if not is_client and not _private_target(connect):
        return f"{_CLEAR}, by [{section}] to {connect}"
    peer = _plain(connect.rpartition(":")[0], "far-end") if is_client else "clients"
    called = host if not container else where
    name = freenames.free(_plain(f"{section}-{called}".lower(), "tunnel"), used)
    return TunnelEnd(
        name=name,
        role=_CLIENT if is_client else _SERVER,
        section=section,
        container=container,
        instance=instance,
        accept=accept,
        connect=connect,
        # As the compiler makes it of the name; the one in the key file is nobody's business.
        identity=f"{name}-g1",
        generation=1,
        peer_host=peer,
        kept=True,
    )


def _private_target(connect: str) -> bool:
    host = connect.rpartition(":")[0]
    if addresses.parse(host) is not None:
        return shapes.internal(host)
    # A plain word would be the name of a container of the site.
    return host == "localhost" or "." in host


def _plain(text: str, otherwise: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:50]
    return kept or otherwise
