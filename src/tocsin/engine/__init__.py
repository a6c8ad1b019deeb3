"""The thin shell around the core; every write goes through the desk."""
