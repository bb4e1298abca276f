"""Minimising a smooth function: Newton, Newton-CG, trust region, BFGS, L-BFGS, with one result and our own verdict."""
