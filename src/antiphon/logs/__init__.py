"""The ordered chunks of running turns."""
