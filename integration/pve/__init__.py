"""What makes a Debian guest of the rig look like a Proxmox VE host: /etc/pve, storages, bridges.

For tests only. `guest.py` is used by suites on the machine that runs them; the rest in the guest.
"""
