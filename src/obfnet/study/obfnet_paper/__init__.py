"""The ObfNet paper again (arXiv 1912.09859): every table and figure, and what leaks beside it."""
