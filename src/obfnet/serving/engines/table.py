"""The engines that ``obfnet serve --engine`` and ``obfnet engine`` know."""

from __future__ import annotations

from collections.abc import Mapping

from obfnet.errors import UnknownNameError
from obfnet.serving.engines.engine import Engine
from obfnet.serving.engines.kserve import KSERVE
from obfnet.serving.engines.mlserver import MLSERVER
from obfnet.serving.engines.ray import RAY
from obfnet.serving.engines.triton import TRITON

ENGINES: Mapping[str, Engine] = {each.name: each for each in (TRITON, KSERVE, MLSERVER, RAY)}


def find_engine(name: str) -> Engine:
    """The engine of this name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in ENGINES:
        raise UnknownNameError(f"no engine {name!r}; there are: {', '.join(ENGINES)}")
    return ENGINES[name]
