"""What is wanted, as a sum of objectives and a list of limits, each readable in several ways."""
