"""What members see. A view renders and asks; it decides nothing and stores nothing."""
