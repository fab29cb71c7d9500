"""The root process of a host: verify, observe, plan, apply, report. Knows no network."""
