"""The shapes of text that several tables share: names, addresses, paths, windows."""

from collections.abc import Callable
import ipaddress
import re

from offctl import durations, errors
from offctl.desired import addresses, names
from offctl_cli.site import kinds


def refusal(read: Callable[[str], object]) -> Callable[[str], str]:
    """The complaint of a reader that raises MalformedError."""

    def complaint(text: str) -> str:
        try:
            read(text)
        except errors.MalformedError as error:
            return str(error)
        return ""

    return complaint


def _is_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        return str(error)
    return ""


def _is_container_rule(text: str) -> str:
    if text.count("{id}") != 1:
        return "it must hold {id} once"
    return addresses.interface_complaint(text.replace("{id}", "100"))


def _is_day(text: str) -> str:
    return refusal(names.window)(text)


PROSE = kinds.Text("a text for people", multiline=True)
NAME = kinds.Text("a name of letters, digits, '.', '_' and '-'", names.NAME, most=63)
POOL = kinds.Text("the name of a ZFS pool", names.POOL, most=63)
ZFS_NAME = kinds.Text("the name of a ZFS dataset", complaint=names.dataset_complaint, most=255)
LOGICAL = kinds.Text("a logical dataset name such as off/users", names.LOGICAL, most=255)
# The paths of mounts are judged by the lints, each rule with its own words; here only that they
# are text, so that one bad path does not hide the other findings of its container.
TARGET = kinds.Text("a path in the container", most=4096)
RELATIVE = kinds.Text("a relative path", complaint=refusal(names.relative_path), most=1024)
DIRECTORY = kinds.Text("a directory below the dataset's mountpoint", most=1024)
FILE_PATH = kinds.Text("an absolute path", complaint=names.path_complaint, most=4096)
FILE_MODE = kinds.Text('permission bits such as "0755"', names.FILE_MODE)
OWNER = kinds.Text(
    'uid:gid as the container sees them, such as "1000:1000"',
    re.compile(r"(?:0|[1-9][0-9]{0,8}):(?:0|[1-9][0-9]{0,8})"),
)
ADDRESS = kinds.Text("an IP address without prefix length", complaint=addresses.complaint, most=45)
NETWORK = kinds.Text("a network such as 10.1.0.0/16", complaint=_is_network, most=49)
CONTAINER_RULE = kinds.Text(
    'an address rule such as "10.1.0.{id}/24"', complaint=_is_container_rule, most=60
)
INTERFACE = kinds.Text("the name of a network interface", names.INTERFACE, most=15)
DOMAIN = kinds.Text(
    "a domain name",
    re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*"),
    most=253,
)
HOSTNAME = kinds.Text(
    "a host name of lower-case letters, digits, '-' and '.'",
    re.compile(
        r"(?=.{1,255}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
        r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
    ),
)
WRITTEN_HOSTNAME = kinds.Text("a host name of letters, digits, '-' and '.'", names.HOSTNAME)
WINDOW = kinds.Text(
    'a restart window such as "sat,sun 02:00-05:00 Europe/Paris"', complaint=_is_day
)
SPAN = kinds.Text(
    "a span of time such as 10min, 2h or 3d", complaint=refusal(durations.parse), most=16
)
ARGUMENT = kinds.Text("one argument of a command", complaint=refusal(names.word), most=4096)
SERVICE = kinds.Text(
    "a systemd unit name with its suffix",
    re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,200}\.(?:service|timer|socket|target|mount|path)"),
)
VOLUME_SIZE = kinds.Text('a size such as "5G"', names.SIZE)
ROOT_SIZE = kinds.Text('a size in GiB such as "30G"', re.compile(r"[1-9][0-9]{0,5}G"))
MOUNT_OPTION = kinds.Choice(names.MOUNT_OPTIONS)
INTERFACE_ADDRESS = kinds.Text(
    "an address with prefix length",
    complaint=addresses.interface_complaint,
    most=addresses.MAX_INTERFACE,
)


def ip_setting(*words: str) -> kinds.Text:
    """An address with its prefix length, or one of pct's words for it."""
    return kinds.Text(
        "an address with prefix length, or one of " + ", ".join(words),
        complaint=lambda text: "" if text in words else addresses.interface_complaint(text),
        most=49,
    )


def gateway() -> kinds.Text:
    """An address, or "none" for no default gateway on this interface."""
    return kinds.Text(
        'an IP address or "none"',
        complaint=lambda text: "" if text == "none" else addresses.complaint(text),
        most=45,
    )
