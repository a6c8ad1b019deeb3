"""Tocsin runs a team's incident-response playbook, one plain Markdown document."""

__version__ = "0.1.0"
