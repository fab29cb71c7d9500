"""`offctl plan` before publishing, and each host's own plan after: the same, through real programs.

Nothing but the couriers runs between the runs that the test itself asks for, so that no host does
what is planned before it is asked.
"""

from collections.abc import Callable
import json
from pathlib import Path
import re
from typing import Any
import zlib

from demo import story
from demo.stage import Stage

HOSTS = tuple(story.HOSTS)
# Only the host knows which of the files of a tunnel are not as they should be.
ONLY_THERE = "not as this text asks"

MOUNT = """
[containers.off.mounts]
"/mnt/off-pro/imports" = { dataset = "off", directory = "imports" }
"""
CONTAINER = """
[containers.fresh]
use = "product-opener"
id = 119
application = "off"
"""
TUNNEL = """
[tunnels.postgres-ovh]
service = "Postgres"
from = { container = "ovh-stunnel-client", accept = "10.1.0.113:5432" }
to = { container = "proxy", accept = 5432, address = "proxy2.openfoodfacts.org:5432" }
target = "mongodb:5432"
consumers = ["robotoff"]
"""


def rewrite(stage: Stage, name: str, edit: Callable[[str], str]) -> None:
    path = stage.directory / "site" / name
    before = path.read_text()
    assert edit(before) != before
    path.write_text(edit(before))


def change_everything(stage: Stage) -> None:
    """A property, an option, one for the next start, a mount, a container, a tunnel."""
    containers, place = "containers/product-opener.toml", '"zfs-nvme/off/products"'
    rewrite(stage, containers, lambda s: s.replace("cores = 8\n", "cores = 6\n", 1))
    rewrite(stage, containers, lambda s: s.replace("memory = 8192\n", "memory = 8192\ntty = 1\n"))
    rewrite(stage, containers, lambda s: s + MOUNT + CONTAINER)
    faster = f'{{ dataset = {place}, properties = {{ recordsize = "16K" }} }}'
    rewrite(stage, "datasets.toml", lambda s: s.replace(f"= {place}\n", f"= {faster}\n", 1))
    rewrite(stage, "tunnels.toml", lambda s: s + TUNNEL)


def planned(stage: Stage, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.query(f"offctl plan site --json {' '.join(options)}"))
    return found


def own(stage: Stage, host: str) -> dict[str, Any]:
    """What `offctl-agent plan` says on the host itself."""
    said = stage.query(f"offctl-agent plan --json --config {host}/agent.toml")
    found: dict[str, Any] = json.loads(said)
    return found


def converge(stage: Stage, release: str) -> None:
    for host in HOSTS:
        story.hand_over(stage, release, host)
        stage.query(f"offctl-agent apply --config {host}/agent.toml")


def arrived(stage: Stage) -> bool:
    """Whether what every host observed last is what the coordinator has."""
    found = planned(stage)["hosts"]
    return all(each["observed"] and not each["changed_since"] for each in found)


def steps(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Without whom they affect, and without what only the host knows."""
    kept = []
    for step in plan["steps"]:
        told = [d for d in step["differences"] if not _of_files(d)]
        kept.append({**step, "differences": told, "affects": None})
    return kept


def _of_files(difference: dict[str, str]) -> bool:
    return difference["field"] in ("files", "in force")


def test_every_hosts_own_plan_is_what_was_shown_before_publishing(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release", show=False)
    converge(room, "one.release")
    for host in HOSTS:
        room.start(f"courier-{host}", f"offctl-courier run --config {host}/agent.toml")
    room.wait("what the hosts observed", lambda: arrived(room))
    # off1 waits for its replicas; the others are as they should be.
    assert planned(room, "--host", "off2", "--host", "ovh1")["exit"] == 0
    assert room.run("offctl plan site --host off2 --host ovh1").endswith("plan: nothing to do\n")

    change_everything(room)
    shown = planned(room)
    assert shown["exit"] == 3
    before = {each["host"]: each for each in shown["hosts"]}
    assert [each["text"] for each in before["off2"]["later"]] == ["restart"]
    effects = {step["text"]: step["effect"] for step in before["off2"]["steps"]}
    assert effects["write and reload"] == "reload"
    assert effects["set properties"] == "online"

    sign = "offctl sign site --key release.pem --previous one.release -o two.release"
    room.run(sign, show=False)
    room.run("offctl publish two.release", show=False)
    for host in HOSTS:
        story.hand_over(room, "two.release", host)
        after = own(room, host)
        assert after["serial"] == 2
        assert before[host]["digest"] == after["digest"], host
        assert steps(before[host]) == steps(after), host

    _the_words(room)
    converge(room, "two.release")
    room.wait("what the hosts observed", lambda: arrived(room))
    left = planned(room, "--host", "off2", "--host", "ovh1")
    assert [s["text"] for each in left["hosts"] for s in each["steps"]] == ["restart"]
    _the_reasons(room)
    _no_secrets(room)


def _no_secrets(room: Stage) -> None:
    """No key of a tunnel or of a host is in what travels, and no bytes of an application."""
    found = [path for path in room.directory.rglob("*") if path.is_file() and _is_secret(path)]
    secrets = {part.encode() for path in found for part in _parts(path.read_text())}
    assert len(secrets) > 10
    for host in HOSTS:
        seen = zlib.decompress((room.directory / host / "state/outbox/observation").read_bytes())
        assert b"zfs-hdd" in seen or b"rpool" in seen
        assert not [secret for secret in secrets if secret in seen]


def _is_secret(path: Path) -> bool:
    return "psk" in path.parts or path.name in ("tunnel.key.pem", "host.key.pem", "tunnel.key")


def _parts(text: str) -> list[str]:
    """Keys as they stand in files; the names before them and the words of PEM are no secret."""
    words = [line.rpartition(":")[2].strip() for line in text.splitlines()]
    return [word for word in words if len(word) >= 32 and not word.startswith("-")]


def _the_reasons(room: Stage) -> None:
    """Somebody takes away what was just given; why it is as it is names them both."""
    room.query("offctl-simhost off2/machine pct set 113 --cores 2")
    room.query("offctl-agent apply --config off2/agent.toml")
    room.wait("what off2 observed", lambda: arrived(room))
    said = room.run("offctl explain off2/containers/off/cores --site site")
    assert "  cores = 6\n      written     site/containers/product-opener.toml:" in said
    assert re.search(r"published   since release 2, published 20\S+Z by desk", said)
    assert "      configured  6\n" in said
    assert "offctl: set: cores: 8 → 6 (wanted, done)" in said
    assert "somebody: container 113 off: cores is 2, was 6" in said
    assert "offctl: set: cores: 2 → 6 (corrective, done)" in said
    waiting = room.run("offctl explain off2/containers/off-pro/tty --site site")
    assert "      configured  absent; after a restart 1\n" in waiting
    shown = room.run("offctl explain off2/containers/off/mounts/mnt/off/users --site site")
    assert "      configured  mp" in shown
    assert "      running     /zfs-hdd/off/users\n" in shown
    proven = room.run("offctl explain ovh1/tunnels/redis-ovh/client/accept --site site")
    assert "running     listens, and has read exactly this" in proven
    same = room.run("offctl diff published site", expect=0)
    assert same == "diff: they ask for the same\n"
    changed = room.run("offctl diff 1 2 --host off2", expect=2)
    assert "  ~ container 113 off\n      cores: 8 → 6\n" in changed


def _the_words(room: Stage) -> None:
    text = room.run("offctl plan site", expect=3)
    assert "then container 114 off-pro: restart  [restart]" in text
    assert "affects: tunnel mongodb-moji (used by docker host 200 at Moji)" in text
    assert re.search(r"off2: \d+ to do: .*; seen \d+ (?:s|min) ago \(20", text)
    one = room.run("offctl plan site --container off-pro", expect=3)
    assert "container 113 off: set" not in one
    assert "container 114 off-pro: set" in one
    markdown = room.run("offctl plan site --markdown", expect=3)
    assert markdown.startswith("**plan: ")
    assert "| online | container 113 off: set | cores: 8 → 6<br>mount " in markdown
    for wrong in ("--host nowhere", "--container nobody", "--json --markdown", "--no-such", "two"):
        room.run(f"offctl plan site {wrong}", expect=1)


def test_a_host_that_never_ran_is_said_to_be_unknown(room: Stage) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release", show=False)
    text = room.run("offctl plan site", expect=2)
    assert "off2: cannot be foreseen: it has not handed in what it observes" in text
    assert text.endswith("plan: nothing to do; nothing is known of 3 hosts\n")
    rewrite(room, "datasets.toml", lambda s: s + "\nnonsense = 1\n")
    broken = room.run("offctl plan site", expect=1)
    assert "it has errors, and could not be signed" in broken


def test_without_a_coordinator_it_is_an_error_like_any_other(room: Stage) -> None:
    (room.directory / "operator.toml").write_text(
        '[coordinator]\naddress = "127.0.0.1:1"\ntrust = "trust.toml"\n'
        'certificate = "operator/desk.crt"\nkey = "operator/desk.key"\n'
    )
    assert "UNREACHABLE" in room.run("offctl plan site", expect=1)
    assert Path(room.directory / "site").is_dir()
