"""A stand-in for Proxmox VE's `pct`, for tests only and never shipped: real LXC, real ZFS.

The words, the file format and the rules are those of the simulated pct (offctl_agent.simulated,
pct*.py); this room is the world below them: containers that run, datasets that are mounted. It
reproduces what bites: templates unpacked through bind mounts, new hardware addresses, index order.
"""
