"""From pending messages to memories: segments, proposals, exact checks, the check, changes."""
