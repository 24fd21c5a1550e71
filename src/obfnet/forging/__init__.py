"""Training: InfNets, and sets of distinct ObfNets for them."""
