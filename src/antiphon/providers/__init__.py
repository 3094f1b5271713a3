"""What produces tokens."""
