"""The demonstration: the real programs, real gRPC and real TLS, on simulated hosts."""
