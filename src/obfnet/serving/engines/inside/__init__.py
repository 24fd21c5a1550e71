"""What runs inside the engines' own environments: only numpy, onnxruntime and the engine there.

These files are copied beside an engine's configuration and never import obfnet.
"""
