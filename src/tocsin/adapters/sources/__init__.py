"""The wire formats of senders of alerts."""
