"""What a monitoring system says, and what becomes of it. Pure."""
