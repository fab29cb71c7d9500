"""The rig: Debian guests with real ZFS, LXC, systemd and stunnel under QEMU's software emulation.

It knows nothing of the product; what is installed on a host is the business of the suites.
"""
