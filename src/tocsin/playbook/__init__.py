"""A Markdown playbook read into a typed value. Pure."""
