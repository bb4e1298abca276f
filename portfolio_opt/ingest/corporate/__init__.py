"""Corporate actions: what is announced, what it did to prices, and what became of names that stopped trading."""
