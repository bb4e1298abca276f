"""Outside bytes to one validated, read-only Panel and to accounts. Nothing is guessed and nothing is filled."""
