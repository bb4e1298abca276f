"""Convex programmes with certificates."""
