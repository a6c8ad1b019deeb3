"""The ways by which a page or a message reaches a person."""
