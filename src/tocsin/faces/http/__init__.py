"""The HTTP API under /api/v1, the intake under /in, health and metrics."""
