"""Attacks on any callable x -> x', and a report of what they recover."""
