"""Fakes and contract suites, shipped so that users can test with them, too."""
