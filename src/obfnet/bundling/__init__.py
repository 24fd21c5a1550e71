"""Artefacts a device can run: exported, compared with the original, packed in one file."""
