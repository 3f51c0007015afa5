"""Datasets inside the libraries that people train with, each in a module of its own, each behind an extra."""
