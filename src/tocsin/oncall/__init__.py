"""People and clocks: the roster, rotations, who is on call. Pure."""
