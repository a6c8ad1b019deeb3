"""One file per step, each frozen once it was released."""
