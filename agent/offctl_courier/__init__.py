"""The courier: the network process of a host. It carries bytes and has no authority.

Nothing it brings is believed before the agent has verified it, so nothing here verifies; it pins
the coordinator, bounds what it takes in, and keeps trying.
"""
