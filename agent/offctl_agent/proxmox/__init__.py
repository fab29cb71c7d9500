"""A real Proxmox VE host: its files, its kernel and its programs, each behind a door of its own."""
