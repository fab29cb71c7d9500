"""One signed change travels from TOML to three hosts and back as status: `make demo`."""

import os
from pathlib import Path
import re
import shutil
import time

from demo.stage import Stage

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "openfoodfacts"
HOSTS = {
    "off1": ("rpool", "zfs-hdd", "zfs-nvme"),
    "off2": ("rpool", "zfs-hdd", "zfs-nvme"),
    "ovh1": ("rpool",),
}
SERVERS = ("coordinator", *(f"{kind}-{host}" for host in HOSTS for kind in ("courier", "agent")))


def main() -> None:
    """The whole story; every line that is not a title comes from the programs themselves."""
    started = time.monotonic()
    directory = ROOT / "demo-run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    with Stage(directory, keep=os.environ.get("KEEP", "") not in ("", "0")) as stage:
        make_keys(stage)
        publish_first(stage)
        repair_drift(stage)
        publish_change(stage)
        refuse_forgery(stage)
        stage.title(f"done in {time.monotonic() - started:.0f} s")
        if stage.keep:
            explain(stage)


def make_keys(stage: Stage) -> None:
    """Every machine makes its own keys; only public lines travel."""
    stage.title("Keys: the operator's, the coordinator's, and for each host its own")
    shutil.copytree(EXAMPLE, stage.directory / "site")
    release_key = re.search(r"ed25519:\S+", stage.run("offctl key new release.pem"))
    (stage.directory / "operator").mkdir()
    stage.run("offctl identity new operator desk", show=False)
    init = stage.run("offctl-coordinator init coordinator --name main", show=False)
    timestamp_key = re.search(r"ed25519:[^\"]+", init)
    assert release_key is not None
    assert timestamp_key is not None
    stage.run(
        "offctl trust new -o trust.toml --site openfoodfacts --threshold 1"
        f" --release-key desk={release_key[0]} --timestamp-key {timestamp_key[0]}"
        " --coordinator main=coordinator/server.cert.pem --operator desk=operator/desk.crt",
    )
    shutil.copy(stage.directory / "trust.toml", stage.directory / "coordinator")
    identities = stage.directory / "site" / "identities"
    identities.mkdir(exist_ok=True)
    for host, pools in HOSTS.items():
        storages = " ".join(
            f"--storage {pool}={pool}/pve" for pool in pools if pool != "rpool" or len(pools) == 1
        )
        named = " ".join(f"--pool {pool}" for pool in pools)
        stage.run(f"offctl-simhost {host}/machine --node {host} init {named} {storages}", show=False)
        stage.run(
            f"offctl-agent init --host {host} --simulated machine --config {host}/agent.toml",
            show=False,
        )
        lines = stage.run(
            f"offctl-agent init --host {host} --config {host}/agent.toml", show=host == "ovh1"
        )
        pasted = [line for line in lines.splitlines() if not line.startswith("#")]
        (identities / f"{host}.toml").write_text("\n".join(pasted) + "\n")
        shutil.copy(stage.directory / "trust.toml", stage.directory / host)


def publish_first(stage: Stage) -> None:
    """Check, sign, publish; three empty hosts become what the site says."""
    stage.title("The site: checked, signed, published; the hosts begin empty")
    stage.run("offctl check site")
    stage.run("offctl sign site --key release.pem -o one.release")
    address = start_coordinator(stage)
    (stage.directory / "operator.toml").write_text(
        f'[coordinator]\naddress = "{address}"\ntrust = "trust.toml"\n'
        'certificate = "operator/desk.crt"\nkey = "operator/desk.key"\n'
    )
    for host in HOSTS:
        path = stage.directory / host / "agent.toml"
        text = path.read_text()
        path.write_text(text.replace("coordinators = []", f'coordinators = ["{address}"]'))
    stage.run("offctl publish one.release")
    for host in HOSTS:
        stage.start(f"courier-{host}", f"offctl-courier run --config {host}/agent.toml")
        stage.start(f"agent-{host}", f"offctl-agent run --config {host}/agent.toml")
    stage.title("The hosts converge (each line is an agent's own)")
    follow(stage, "off2", r"run: ")
    stage.run("offctl status --wait 50", expect=1)
    stage.title("off1 waits for what only replication may create; it arrives")
    stage.run("offctl status off1", expect=1)
    receive_replicas(stage)
    stage.run("offctl status --wait 50")


def start_coordinator(stage: Stage) -> str:
    """Start it on a free port; its own first line says which."""
    path = stage.directory / "coordinator" / "coordinator.toml"
    path.write_text(re.sub(r'listen = ".*"', 'listen = "127.0.0.1:0"', path.read_text()))
    stage.start("coordinator", "offctl-coordinator serve --config coordinator/coordinator.toml")
    found: list[str] = []

    def ready() -> bool:
        found.extend(line for line in stage.log("coordinator") if line.startswith("serving "))
        return bool(found)

    stage.wait("the coordinator", ready)
    print(f"  {found[0]}")
    return found[0].split()[-1]


def follow(stage: Stage, host: str, until: str) -> None:
    """Show an agent's log, a line in twelve, until a line matches."""
    seen = 0
    ended: list[str] = []

    def done() -> bool:
        nonlocal seen
        for line in stage.log(f"agent-{host}"):
            seen += 1
            if re.search(until, line) and "0 done" not in line:
                ended.append(line)
                print(f"  {host} │ {line}", flush=True)
            elif seen % 12 == 2:  # noqa: PLR2004
                print(f"  {host} │ {line}   (step {seen})", flush=True)
        return bool(ended)

    stage.wait(f"{host} to converge", done)


def receive_replicas(stage: Stage) -> None:
    """What the site's own replication (syncoid) would do; offctl never creates a replica."""
    names = re.findall(r"dataset (\S+):", stage.run("offctl status off1", expect=1, show=False))
    for number, name in enumerate(sorted(set(names))):
        stage.run(
            f"offctl-simhost off1/machine --node off1 zfs receive {name}",
            show=number == 0,
            where="off1",
        )
    stage.run("offctl-agent apply --config off1/agent.toml", show=False)


def repair_drift(stage: Stage) -> None:
    """Somebody changes off2 by hand; it is found, told apart, and repaired."""
    stage.title("Somebody changes off2 by hand: a mount line, a container, a property")
    stage.stop("agent-off2")
    machine = stage.directory / "off2" / "machine"
    configuration = machine / "etc" / "pve" / "lxc" / "113.conf"
    if not configuration.exists():
        configuration = machine / "etc" / "pve" / "nodes" / "off2" / "lxc" / "113.conf"
    lines = configuration.read_text().splitlines(keepends=True)
    gone = [line for line in lines if "mp=/mnt/off/users" in line]
    configuration.write_text("".join(line for line in lines if line not in gone))
    print(f"off2$ # an editor takes one line out of 113.conf: {gone[0].strip()}")
    simhost = "offctl-simhost off2/machine --node off2"
    stage.run(f"{simhost} pct stop 122", where="off2")
    stage.run(f"{simhost} zfs set atime=on zfs-nvme/off/products", where="off2")
    stage.run("offctl-agent plan --config off2/agent.toml", where="off2", expect=1)
    stage.start("agent-off2", "offctl-agent run --config off2/agent.toml")
    follow(stage, "off2", r"run: ")
    stage.run("offctl status --wait 50", show=False)
    stage.run("offctl status off2")


def publish_change(stage: Stage) -> None:
    """One more mount for one application: one file changes, one thing arrives."""
    stage.title("A wanted change: one more mount for one application")
    path = stage.directory / "site" / "containers"
    text = (ROOT / "demo" / "change.toml").read_text()
    target = next(p for p in sorted(path.glob("*.toml")) if "[containers.off]" in p.read_text())
    target.write_text(target.read_text() + text)
    print("site$ # added to " + str(target.relative_to(stage.directory)))
    for line in text.strip().splitlines():
        print(f"  {line}")
    stage.run("offctl sign site --key release.pem --previous one.release -o two.release")
    stage.run("offctl publish two.release")
    follow(stage, "off2", r"run: ")
    stage.run("offctl status --wait 50")
    stage.run("offctl history")


def refuse_forgery(stage: Stage) -> None:
    """A release that nobody trusted signed: refused by the coordinator, and by the host itself."""
    stage.title("A forged release: refused by the coordinator, and by a host that is handed it")
    stage.run("offctl key new forger.pem", show=False)
    stage.run("offctl sign site --key forger.pem --serial 9 -o forged.release", show=False)
    stage.run("offctl publish forged.release", expect=2)
    stage.stop("courier-off2", "agent-off2")
    inbox = stage.directory / "off2" / "state" / "inbox" / "release.json"
    good = inbox.read_bytes()
    shutil.copy(stage.directory / "forged.release", inbox)
    print("off2$ cp forged.release state/inbox/release.json   # as a stolen coordinator might")
    stage.run("offctl-agent apply --config off2/agent.toml", where="off2", expect=2)
    inbox.write_bytes(good)
    stage.start("courier-off2", "offctl-courier run --config off2/agent.toml")
    stage.start("agent-off2", "offctl-agent run --config off2/agent.toml")
    stage.run("offctl status --wait 50")


def explain(stage: Stage) -> None:
    """What a person can try while everything still runs."""
    print(
        f"""
Everything still runs (processes {", ".join(map(str, stage.pids))}). In another terminal:

  cd {stage.directory} && . ../.venv/bin/activate && export OFFCTL_CONFIG=$PWD/operator.toml
  offctl status --watch                                     # leave it open beside you
  offctl-simhost off2/machine --node off2 pct stop 110      # break something
  offctl-simhost off2/machine --node off2 zfs set sync=disabled zfs-hdd/off/users
  offctl-agent plan --config off2/agent.toml                # what it would do about it
  $EDITOR site/applications.toml && offctl check site       # change something, then:
  offctl sign site --key release.pem --previous two.release -o three.release && offctl publish three.release

End it with: kill {" ".join(map(str, stage.pids))}"""
    )


if __name__ == "__main__":
    main()
