"""Alerts that are told apart by a key of their sender's instead of by their labels."""

from tocsin.alerts.model import fingerprint


def fingerprint_of_key(source: str, key: str, within: str = "") -> str:
    """16 hexadecimal digits that identify the key of a kind of source, `within` a part of that source.

    No label has an empty name, so that no set of labels has the fingerprint of a key.
    """
    return fingerprint({"": key, "source": source, "within": within})
