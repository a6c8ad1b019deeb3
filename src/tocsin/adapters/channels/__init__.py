"""One channel a file: how pages and messages reach people.

Each module has `channel(settings, secret, clock)`, which makes the channel, or returns None where the
settings do not set it up. Packages add theirs under the entry point `tocsin.channels` with the same
signature; their own settings are `settings.channels[KIND]`.
"""
