"""What a check asks of the real world."""
