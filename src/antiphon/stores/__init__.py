"""Where truth lives: sessions, messages, turns, pods."""
