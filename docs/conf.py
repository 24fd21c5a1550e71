"""Sphinx configuration: `pip install sphinx furo myst-parser`, then `sphinx-build docs runs/docs`."""

project = "obfnet"
extensions = ["myst_parser"]
html_theme = "furo"
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["studies/**/kept"]
