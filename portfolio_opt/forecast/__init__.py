"""A Panel to Beliefs: what returns to expect, how they move together, and how sure one can be."""
