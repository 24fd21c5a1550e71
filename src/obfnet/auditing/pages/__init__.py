"""Self-contained pages of audits: no script, no download, readable in print and aloud."""
