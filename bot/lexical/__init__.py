"""Words: how text becomes terms, and the full-text index over messages and memories."""
