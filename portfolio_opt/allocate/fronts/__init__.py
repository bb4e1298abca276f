"""Pareto fronts of a decision: whole-share plans none of which another beats in every aim, and the choice of one."""
