"""Attacks that reconstruct x from x' and the label, one idea in each file."""
