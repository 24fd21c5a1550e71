"""Ray Serve: the embedded server's face on one node, the models on every node of a cluster.

Its environment is for this package too: what runs there (``ray_start.py``) is our own server with
Ray where its queue is. Every node of a cluster that is not ours needs that environment.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import obfnet
from obfnet.errors import SpecError
from obfnet.serving.engines.engine import Command, Engine, Place

_CODE = "code"
#: A busy machine needs longer for the start of its parts than Ray would wait.
_PATIENCE = {
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_worker_register_timeout_seconds": "120",
}


@dataclass(frozen=True)
class Scaling:
    """How many replicas of the models run, by how many requests wait.

    Args:
        least: replicas that always run.
        most: replicas that may run; each takes one processor.
        waiting: requests in a replica, running or queued, that another replica is started for.
        up_seconds: how long they have to wait before one is started.
        down_seconds: how long a replica has to be idle before it is stopped.

    Raises:
        SpecError: a number that nothing could satisfy.
    """

    least: int = 1
    most: int = 8
    waiting: int = 16
    up_seconds: float = 5.0
    down_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most or self.waiting < 1:
            raise SpecError(f"expected 1 <= least <= most and waiting >= 1, got {self}")
        if not self.up_seconds > 0 or not self.down_seconds >= 0:
            raise SpecError(f"expected up_seconds > 0 and down_seconds >= 0, got {self}")


def prepare(place: Place) -> None:
    """Make this package, and nothing that is installed beside it, importable from the folder."""
    code = place.folder / _CODE
    code.mkdir()
    (code / "obfnet").symlink_to(Path(obfnet.__file__).parent, target_is_directory=True)


def command(place: Place, address: str | None, scaling: Scaling) -> Command:
    """Ray Serve on ``place.port``: of this node if the host is a loopback address, else of all.

    Some of Ray's ports are open to the network whatever address it is given. A cluster that is
    started here therefore wants a token of everybody.
    """
    options = {"host": place.host, "port": place.port, **asdict(scaling)}
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), **_PATIENCE}
    return Command(
        (
            str(place.python),
            "-m",
            "obfnet.serving.engines.ray_start",
            str(place.repository),
            *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()),
            *([] if address is None else [f"--address={address}"]),
        ),
        {
            "PYTHONPATH": str(place.folder / _CODE),
            "RAY_USAGE_STATS_ENABLED": "0",
            **(own if address is None else {}),
        },
    )


def ray_engine(address: str | None = None, scaling: Scaling | None = None) -> Engine:
    """Ray Serve on a cluster.

    Args:
        address: ``host:port`` of a running cluster that this machine is a node of; its token is
            taken from ``RAY_AUTH_TOKEN``. None starts a cluster of this machine alone.
        scaling: how many replicas run.
    """
    start = partial(command, address=address, scaling=scaling or Scaling())
    return Engine("ray", "Ray Serve 2.60.0", prepare, start, grpc=False)


RAY = ray_engine()
