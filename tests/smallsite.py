"""One small site that says nothing wrong: a host, a cluster, a profile; tests add to it."""

BASE = """\
[site]
name = "small"

[clusters.c]
container_address = "10.1.0.{id}/24"

[hosts.h]
cluster = "c"
bridges = { public = "vmbr0", internal = "vmbr1" }
gateways = { public = "192.0.2.1", internal = "10.0.0.2" }
pools = ["tank"]
storage = { fast = "tank/pve" }

[profiles.po]
host = "h"
cores = 4
memory = 1024
rootfs = { storage = "fast", size = "8G" }
idmap = { identity = ["1000-65535"] }
networks.eth0 = { role = "internal" }
"""
