"""Measured results: the demo, benchmarks and studies, in one form."""
