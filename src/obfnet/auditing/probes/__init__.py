"""Classifiers that guess a private attribute from x' and the label."""
