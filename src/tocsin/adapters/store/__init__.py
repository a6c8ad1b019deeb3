"""The event log and its read models on memory, SQLite and PostgreSQL."""
