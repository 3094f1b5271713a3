"""Built-in bots that need no model."""
