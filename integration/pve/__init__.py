"""What makes a Debian guest of the rig look like a Proxmox VE host: /etc/pve, storages, bridges.

For tests only. `python3 -m integration.pve --node off2 --storage zfs-hdd=tank/pve` lays it out.
"""
