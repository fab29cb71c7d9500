"""A real Proxmox host: the doors behind which its kernel, its pools and its programs are."""
