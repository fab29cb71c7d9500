"""All files of one stunnel instance, keys included, from its ends: the same bytes every time."""

from collections.abc import Callable

from offctl import errors
from offctl.desired.model import TunnelEnd
from offctl.tunnelkeys import PreSharedKey, Purpose, TunnelSecret
from offctl_agent.host.stunnel import configuration
from offctl_agent.host.stunnel.configuration import Rendering
from offctl_agent.host.stunnel.sections import Section

EDITION_LENGTH = 8

KeyOf = Callable[[TunnelEnd], PreSharedKey]
ReadFile = Callable[[str], bytes]
Mark = Callable[[bytes], bytes]


def key_of(end: TunnelEnd, site: str, secret: TunnelSecret, read: ReadFile) -> PreSharedKey:
    """The key of one end: derived, or from the file that a person put there.

    `read` gives the content of a host path. Raises MalformedError or what `read` raises.
    """
    if not end.psk_file:
        return secret.derive(end.peer_key, Purpose(site, end.name, end.generation))
    try:
        there = configuration.parse_keys(read(end.psk_file))
    except errors.MalformedError as error:
        raise errors.MalformedError(
            f"cannot use {end.psk_file}: {error}",
            hint=f"it must be one line, {end.identity}:KEY, with a newline at its end",
        ) from None
    if tuple(there) != (end.identity,):
        raise errors.MalformedError(
            f"cannot use {end.psk_file}: it is not one line for the identity {end.identity!r}",
            hint="write `identity =` in the site as it stands in the file",
        )
    return there[end.identity]


def render(
    instance: str, sections: tuple[Section, ...], directory: str, key_of: KeyOf, mark: Mark
) -> Rendering:
    """Every file of an instance that sees them below `directory`. Raises MalformedError."""
    keys = {section.name: _keys(section, key_of) for section in sections}
    _refuse_one_key_twice(sections, key_of)
    plain = configuration.configuration(sections, directory, "", "")
    digest = mark(b"\0".join((plain, *(keys[name] for name in sorted(keys)))))
    edition, marker = digest.hex()[:EDITION_LENGTH], configuration.marker(digest)
    files = {
        f"{instance}.conf": configuration.configuration(sections, directory, edition, marker),
        f"stunnel@{instance}.service": configuration.unit(instance, directory),
        **{configuration.key_file(name, edition): content for name, content in keys.items()},
    }
    return Rendering(f"{instance}.conf", files, marker)


def _keys(section: Section, key_of: KeyOf) -> bytes:
    return configuration.keys({end.identity: key_of(end) for end in section.ends})


def _refuse_one_key_twice(sections: tuple[Section, ...], key_of: KeyOf) -> None:
    seen: dict[str, str] = {}
    for section in sections:
        for end in section.ends:
            other = seen.setdefault(key_of(end).reveal(), end.identity)
            if other != end.identity:
                raise errors.MalformedError(
                    f"cannot use the key of {end.identity}: it is the key of {other} too",
                    hint="every tunnel needs a key of its own",
                )
