"""What listens for senders that do not speak HTTP."""
