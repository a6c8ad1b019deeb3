"""The decider: all that an incident can do, and nothing that it can touch. Pure."""
