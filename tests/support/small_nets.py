"""What forging is tested with: nets that train in a moment, and digits."""

from torch import nn

from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule

QUICK = Schedule(epochs=2, batch=64, rate=3e-3)


def dense(outputs=10):
    """An encoder for digits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


def quick(infnet, data, splits, **arguments):
    """``obfnet.forge`` of small encoders that hardly train, without twins."""
    usual = {"schedule": QUICK, "twins": False}
    if not {"budget", "mechanism"} & set(arguments):
        usual["encoder"] = dense
    return forge(infnet, data, splits=splits, **usual | arguments)


def members(fleet):
    """All ObfNets of a fleet."""
    return [obfnet for made in fleet for obfnet in made.obfnets]


def state(obfnet):
    """Everything an ObfNet is, by name."""
    return {
        f"{half}.{name}": values
        for half in ("encoder", "decoder")
        for name, values in getattr(obfnet, half).state_dict().items()
    }
