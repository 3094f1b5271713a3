"""Antiphon: a self-hosted chat server whose replies reach their readers whole."""

__version__ = "0.1.0"
