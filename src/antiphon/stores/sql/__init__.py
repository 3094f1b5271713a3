"""SQL shared by every relational store."""
