"""One table of solvers of a statement, each checked against the statement itself."""
