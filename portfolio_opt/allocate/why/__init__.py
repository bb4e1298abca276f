"""The account of why: what binds and what it is worth, what conflicts, what would change the answer, and how sure it is."""
