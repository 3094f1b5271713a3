"""Other systems' wire formats, translated onto the engine."""
