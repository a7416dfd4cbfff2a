"""A chat of a makerspace that we wrote, with questions and what a recall should find."""
