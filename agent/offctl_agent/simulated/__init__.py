"""A Proxmox host that is a directory: real file formats, real messages, real nastiness.

Nothing outside this room knows it: whoever holds a Host cannot tell the difference.
"""
