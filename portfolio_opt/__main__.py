"""`python -m portfolio_opt` is the console script."""

from .cli import main

raise SystemExit(main())
