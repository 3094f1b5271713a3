"""Stand-ins for what a test cannot have: the model."""
