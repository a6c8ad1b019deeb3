"""Reading survives everything: fuzzing and growth of time."""
