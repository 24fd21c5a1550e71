"""Model servers that others have made, over the same folder of models as our own.

    install(environments, "triton")
    with running_engine(ENGINES["triton"], Path("models"), environments) as engine:
        ...  # engine.url speaks the Open Inference Protocol v2

Each has an environment of its own; ``inside/`` holds what runs there. A new engine is a module
with an ``Engine``, a list of pins and a line in ``table.py``.
"""
