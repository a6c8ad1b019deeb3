"""Rehearsals of a scenario on a virtual clock, through the same core."""
