"""The files of one account, one module a kind, and what follows from them together."""
