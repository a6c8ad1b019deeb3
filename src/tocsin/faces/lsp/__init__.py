"""The language server: a playbook while it is written."""
