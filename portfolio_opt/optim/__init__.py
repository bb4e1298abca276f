"""Minimising a function. Knows no finance; every answer carries a residual and a gap that are computed here."""
