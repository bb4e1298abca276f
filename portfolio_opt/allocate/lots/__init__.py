"""Whole shares: the convex relaxation, the search over legal quantities, and bounds on what any plan could reach."""
