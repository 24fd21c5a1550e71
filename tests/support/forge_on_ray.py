"""Forge on a Ray cluster that is up, and keep what came of it in a file.

    forge_on_ray.py ADDRESS WEIGHTS FOLDER first|again

``first`` forges once while the second node is taken away, then once more, into FOLDER/fleet, and
kills itself when two ObfNets are kept. ``again`` makes the same call and goes on from there.
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import ray
import safetensors.torch

from obfnet import data, freeze
from obfnet.forging import fleet, keeping
from obfnet.forging.cluster import on_ray
from obfnet.nets.mnist import mlp_infnet
from small_nets import dense, members, quick, state

SIZE = 4


def marked(folder, driver):
    """An encoder; its first maker on the second node says so, and hangs until it is killed."""
    where = ray.util.get_node_ip_address()
    if os.getpid() != driver:
        mark = folder / where
        first = not mark.exists()
        mark.touch()
        if first and where == "127.0.0.3":
            time.sleep(100)
    return dense()


def write(path, made):
    """The state of every ObfNet, by its number."""
    tensors = {
        f"{number}/{name}": values.contiguous()
        for number, obfnet in enumerate(members(made))
        for name, values in state(obfnet).items()
    }
    safetensors.torch.save_file(tensors, path)


def main():
    address, weights, folder, run = sys.argv[1], *map(Path, sys.argv[2:4]), sys.argv[4]
    net = mlp_infnet((1, 8, 8))
    net.load_state_dict(safetensors.torch.load_file(weights))
    infnet, digits = freeze(net), data.load("digits")
    fleet.chunk_size = lambda *_: 1
    ray.init(address=address, _node_ip_address="127.0.0.2", log_to_driver=False)
    call = partial(quick, infnet, digits, data.split(digits, 0), size=SIZE, executor=on_ray())
    if run == "first":
        write(folder / "once", call(encoder=partial(marked, folder, os.getpid())))
        keep = keeping.save

        def save(path, obfnet):
            keep(path, obfnet)
            if len(list((folder / "fleet").rglob("*.safetensors"))) == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        keeping.save = save
    write(folder / run, call(folder=folder / "fleet"))


if __name__ == "__main__":
    main()
