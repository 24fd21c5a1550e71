"""The device: pick an ObfNet, obfuscate, send; fails closed. numpy and one runtime, no torch."""
