"""Rules that train a network from its gradients, and the rates they step with."""
