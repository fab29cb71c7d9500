"""The acts of the demonstration, one function each; tests of whole programs play them too."""

from pathlib import Path
import re
import secrets
import shutil

from demo.stage import Stage
from offctl_cli.site import load

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "openfoodfacts"
HOSTS = {
    "off1": ("rpool", "zfs-hdd", "zfs-nvme"),
    "off2": ("rpool", "zfs-hdd", "zfs-nvme"),
    "ovh1": ("rpool",),
}
SERVERS = ("coordinator", *(f"{kind}-{host}" for host in HOSTS for kind in ("courier", "agent")))
STATUS = "offctl status --json"
CHANGE = """
[containers.off.mounts]
"/mnt/off-pro/imports" = { dataset = "off", directory = "imports" }
"""


def make_keys(stage: Stage) -> None:
    """Every machine makes its own keys; only public lines travel."""
    stage.title("Keys: the operator's, the coordinator's, and for each host its own")
    shutil.copytree(EXAMPLE, stage.directory / "site")
    all_at_once(stage)
    release_key = re.search(r"ed25519:\S+", stage.run("offctl key new release.pem"))
    (stage.directory / "operator").mkdir()
    stage.run("offctl identity new operator desk", show=False)
    init = stage.run("offctl-coordinator init coordinator --name main", show=False)
    timestamp_key = re.search(r'ed25519:[^"]+', init)
    assert release_key is not None
    assert timestamp_key is not None
    stage.run(
        "offctl trust new -o trust.toml --site openfoodfacts --threshold 1"
        f" --release-key desk={release_key[0]} --timestamp-key {timestamp_key[0]}"
        " --coordinator main=coordinator/server.cert.pem --operator desk=operator/desk.crt",
    )
    shutil.copy(stage.directory / "trust.toml", stage.directory / "coordinator")
    for host in HOSTS:
        make_host(stage, host)


def all_at_once(stage: Stage) -> None:
    """Without the example's waves: nobody watches a canary for a quarter of an hour here."""
    for path in sorted((stage.directory / "site" / "hosts").glob("*.toml")):
        path.write_text(re.sub(r"^(?:wave|soak) = .*\n", "", path.read_text(), flags=re.MULTILINE))


def make_host(stage: Stage, host: str) -> None:
    """An empty simulated host, its keys, and the lines that pin them in the site."""
    pools = HOSTS[host]
    storages = [pool for pool in pools if pool != "rpool" or len(pools) == 1]
    options = [f"--pool {pool}" for pool in pools] + [f"--storage {p}={p}/pve" for p in storages]
    stage.run(f"offctl-simhost {host}/machine --node {host} init {' '.join(options)}", show=False)
    stage.run(
        f"offctl-agent init --host {host} --simulated machine --config {host}/agent.toml",
        show=False,
    )
    again = f"offctl-agent init --host {host} --config {host}/agent.toml"
    lines = stage.run(again, show=host == "ovh1").splitlines()
    identities = stage.directory / "site" / "identities"
    identities.mkdir(exist_ok=True)
    pasted = "\n".join(line for line in lines if not line.startswith("#"))
    (identities / f"{host}.toml").write_text(pasted + "\n")
    shutil.copy(stage.directory / "trust.toml", stage.directory / host)
    put_keys_of_far_ends(stage, host)


def put_keys_of_far_ends(stage: Stage, host: str) -> None:
    """What a person agrees on with an end that is not managed: a key in a file, on this host."""
    for end in load.compile_site(EXAMPLE).state(host).tunnels:  # type: ignore[union-attr]
        if end.psk_file:
            path = stage.directory / host / "machine" / "files" / end.psk_file.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{end.identity}:{secrets.token_hex(32)}\n")
            path.chmod(0o600)


def start_coordinator(stage: Stage) -> None:
    """Start it on a free port; its own first line says which, and everybody is told."""
    path = stage.directory / "coordinator" / "coordinator.toml"
    path.write_text(re.sub(r'listen = ".*"', 'listen = "127.0.0.1:0"', path.read_text()))
    stage.start("coordinator", "offctl-coordinator serve --config coordinator/coordinator.toml")
    found: list[str] = []

    def ready() -> bool:
        found.extend(line for line in stage.log("coordinator") if line.startswith("serving "))
        return bool(found)

    stage.wait("the coordinator", ready)
    print(f"  {found[0]}")
    address = found[0].split()[-1]
    # The same port if it is started again.
    path.write_text(path.read_text().replace("127.0.0.1:0", address))
    (stage.directory / "operator.toml").write_text(
        f'[coordinator]\naddress = "{address}"\ntrust = "trust.toml"\n'
        'certificate = "operator/desk.crt"\nkey = "operator/desk.key"\n'
    )
    for host in HOSTS:
        config = stage.directory / host / "agent.toml"
        text = config.read_text().replace("coordinators = []", f'coordinators = ["{address}"]')
        text = text.replace("interval = 60", "interval = 5")
        config.write_text(text)


def start_hosts(stage: Stage) -> None:
    """Start a courier and an agent for each host."""
    for host in HOSTS:
        start_host(stage, host)


def start_host(stage: Stage, host: str) -> None:
    """Start one host's two programs."""
    stage.start(f"courier-{host}", f"offctl-courier run --config {host}/agent.toml")
    stage.start(f"agent-{host}", f"offctl-agent run --config {host}/agent.toml")


def publish_first(stage: Stage) -> None:
    """Check, sign, publish; three empty hosts become what the site says."""
    stage.title("The site: checked, signed, published; the hosts begin empty")
    stage.run("offctl check site")
    stage.run("offctl sign site --key release.pem -o one.release")
    start_coordinator(stage)
    stage.run("offctl publish one.release")
    start_hosts(stage)
    stage.title("The hosts converge (off2's own words, one line in twelve)")
    follow(stage, "off2", every=12)
    stage.run("offctl status --wait 50", expect=1)
    stage.title("off1 waits for replicas, which only replication may create; they arrive")
    stage.run("offctl status off1", expect=1)
    receive_replicas(stage)
    # off1's report of a moment ago, when it still waited, may arrive after the last replica.
    stage.until("offctl status")
    stage.run("offctl status --wait 50")
    stage.run("offctl tunnels")


def start_everything(stage: Stage) -> None:
    """The same without words: everything runs, and the replicas are there from the start."""
    stage.run("offctl sign site --key release.pem -o one.release", show=False)
    start_coordinator(stage)
    stage.run("offctl publish one.release", show=False)
    replicate(stage)
    start_hosts(stage)


def replicate(stage: Stage, release: str = "one.release") -> None:
    """A release, handed to off1, tells what it waits for; that arrives."""
    hand_over(stage, release, "off1")
    done = stage.query("offctl-agent apply --config off1/agent.toml")
    for name in dict.fromkeys(re.findall(r"dataset (\S+): receive", done)):
        stage.run(f"offctl-simhost off1/machine zfs receive {name}", show=False)


def follow(stage: Stage, host: str, *, every: int = 1) -> None:
    """Show one in `every` lines of an agent's log until a run that did something has ended."""
    seen = 0
    ended: list[str] = []

    def done() -> bool:
        nonlocal seen
        for line in stage.log(f"agent-{host}"):
            seen += 1
            if line.startswith("run: "):
                ended.append(line)
                print(f"  {host} │ {line}", flush=True)
            elif seen % every == 0:
                print(f"  {host} │ {line[:140]}", flush=True)
        return bool(ended)

    stage.wait(f"{host} to converge", done)


def receive_replicas(stage: Stage) -> None:
    """What the site's own replication (syncoid) does; offctl never creates a replica."""
    told = stage.query("offctl status off1 --all")
    named = re.findall(r"blocked\s+dataset (\S+): not received", told)
    for number, name in enumerate(sorted(set(named))):
        command = f"offctl-simhost off1/machine zfs receive {name}"
        stage.run(command, show=number == 0, where="off1")
    stage.run("offctl-agent apply --config off1/agent.toml", where="off1")


def configuration(stage: Stage, host: str, container: int) -> Path:
    """The container's file, where PVE keeps it."""
    lxc = Path("etc") / "pve" / "nodes" / host / "lxc"
    return stage.directory / host / "machine" / lxc / f"{container}.conf"


def break_something(stage: Stage) -> str:
    """Take a mount line away, stop a container, change a property; returns the line taken."""
    path = configuration(stage, "off2", 113)
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    gone = [line for line in lines if "mp=/mnt/off/users" in line]
    if gone:
        temporary = path.with_suffix(".edited")
        temporary.write_text("".join(line for line in lines if line not in gone))
        temporary.rename(path)
    simhost = "offctl-simhost off2/machine"
    stage.query(f"{simhost} pct stop 122")
    stage.query(f"{simhost} zfs set atime=on zfs-nvme/off/products")
    return gone[0].strip() if gone else ""


def repair_drift(stage: Stage) -> None:
    """Somebody changes off2 by hand; it is found, told apart, and repaired."""
    stage.title("Somebody changes off2 by hand: a mount line, a container, a property")
    stage.stop("agent-off2")
    gone = break_something(stage)
    print(f"off2# an editor takes this line out of 113.conf: {gone}")
    print("off2# pct stop 122")
    print("off2# zfs set atime=on zfs-nvme/off/products")
    stage.run("offctl-agent plan --config off2/agent.toml", where="off2", expect=1)
    stage.start("agent-off2", "offctl-agent run --config off2/agent.toml")
    follow(stage, "off2")
    stage.run("offctl status --wait 50", show=False)
    stage.run("offctl status off2")


def add_a_mount(stage: Stage) -> Path:
    """Write one more mount into the site, sign it and publish it; returns the file changed."""
    written = next(
        path
        for path in sorted((stage.directory / "site").rglob("*.toml"))
        if "\n[containers.off]\n" in path.read_text()
    )
    written.write_text(written.read_text().rstrip() + "\n" + CHANGE)
    sign = "offctl sign site --key release.pem --previous one.release -o two.release"
    stage.run(sign, show=False)
    stage.until("offctl publish two.release")
    return written


def publish_change(stage: Stage) -> None:
    """One more mount for one application: one file changes, one thing arrives."""
    stage.title("A wanted change: one more mount for one application")
    written = add_a_mount(stage).relative_to(stage.directory)
    print(f"# added to {written}, signed and published:")
    for line in CHANGE.strip().splitlines():
        print(f"    {line}")
    follow(stage, "off2")
    stage.run("offctl status --wait 50")
    stage.run("offctl history")


def hand_over(stage: Stage, release: str, host: str) -> None:
    """Put a release into a host's inbox, as a courier, or a stolen coordinator, might."""
    inbox = stage.directory / host / "state" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    shutil.copy(stage.directory / release, inbox / "release.json")


def refuse_forgery(stage: Stage) -> None:
    """A release that nobody trusted signed: refused by the coordinator, and by the host itself."""
    stage.title("A forged release: refused by the coordinator, and by a host that is handed it")
    stage.run("offctl key new forger.pem", show=False)
    stage.run("offctl sign site --key forger.pem --serial 9 -o forged.release", show=False)
    stage.run("offctl publish forged.release", expect=2)
    stage.stop("courier-off2", "agent-off2")
    hand_over(stage, "forged.release", "off2")
    print("off2# the forged release lies in the inbox, as a stolen coordinator might put it there")
    stage.run("offctl-agent apply --config off2/agent.toml", where="off2", expect=2)
    hand_over(stage, "two.release", "off2")
    start_host(stage, "off2")
    stage.wait("off2 to believe again", lambda: '"refused"' not in stage.query(STATUS))
    stage.run("offctl status --wait 50")


def write_data(stage: Stage, text: str) -> Path:
    """A file in a dataset, as an application would write it."""
    simhost = "offctl-simhost off2/machine"
    dataset = "zfs-hdd/off/users"
    stage.wait(dataset, lambda: dataset in stage.query(f"{simhost} zfs list"))
    path = stage.directory / stage.query(f"{simhost} path /{dataset}").strip() / "somebody.sto"
    path.write_text(text)
    return path
