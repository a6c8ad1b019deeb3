"""Settings from flags, environment and file; every problem told at once."""

from tocsin.config.load import load_settings
from tocsin.config.secrets import Secrets, resolve_secret
from tocsin.config.settings import Log, Settings, Smtp

__all__ = ["Log", "Secrets", "Settings", "Smtp", "load_settings", "resolve_secret"]
