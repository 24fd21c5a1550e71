"""``python -m obfnet.serving.engines.ray_start``: run in the engine's own environment."""

from __future__ import annotations

import ipaddress
import signal
import threading
from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any

import ray
from ray import serve

import obfnet
from obfnet.serving.engines.ray import Scaling
from obfnet.serving.engines.ray_deployments import REPOSITORY, application
from obfnet.serving.settings import Settings

_NAME = "obfnet"


def main() -> None:
    """Serve until SIGTERM or SIGINT; leaves a cluster that it did not start as it was."""
    parser = ArgumentParser("python -m obfnet.serving.engines.ray_start")
    parser.add_argument("repository", type=Path)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address")
    for number in fields(Scaling):
        option = f"--{number.name.replace('_', '-')}"
        parser.add_argument(option, type=type(number.default), default=number.default)
    given = vars(parser.parse_args())
    repository, address = given.pop("repository"), given.pop("address")
    host, port = given.pop("host"), given.pop("port")

    ray.init(**_cluster(address), **_sent(repository), log_to_driver=False)
    stopped = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):  # after Ray, which has handlers of its own
        signal.signal(kind, lambda *_: stopped.set())
    try:
        location = "HeadOnly" if _is_loopback(host) else "EveryNode"
        serve.start(proxy_location=location, http_options={"host": host, "port": port})
        settings = Settings(REPOSITORY, host=host, port=port)
        on_head = location == "HeadOnly"
        serve.run(application(settings, Scaling(**given), on_head), name=_NAME, route_prefix="/")
        stopped.wait()
    finally:
        if address is None:
            serve.shutdown()
        else:
            serve.delete(_NAME)
        ray.shutdown()


def _cluster(address: str | None) -> dict[str, Any]:
    if address is None:
        return {"include_dashboard": False}
    host = address.rsplit(":", 1)[0]
    # Ray would look for its node at this machine's address in the network.
    return {"address": address, **({"_node_ip_address": host} if _is_loopback(host) else {})}


def _sent(repository: Path) -> dict[str, Any]:
    """What each node gets from us: this package, and the models as the folder to be in."""
    package = str(Path(obfnet.__file__).parent)
    return {"runtime_env": {"working_dir": str(repository.resolve()), "py_modules": [package]}}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
