"""Clients that exist, unchanged. (A package: its files may be named as those of tests/acceptance are.)"""
