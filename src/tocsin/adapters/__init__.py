"""One outside thing a file, behind a port of the engine."""
