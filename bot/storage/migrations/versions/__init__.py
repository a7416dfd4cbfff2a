"""The schema's history. A migration that was released never changes."""
