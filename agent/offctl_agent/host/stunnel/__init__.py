"""stunnel on a host and in its containers: files, processes, sockets, and proof that it works."""
