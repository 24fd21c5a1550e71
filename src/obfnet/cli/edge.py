"""``obfnet edge``: what a device does, without torch: send, watch, bench."""

from __future__ import annotations

import typer

from obfnet.cli.edge_bench import bench
from obfnet.cli.edge_send import send
from obfnet.cli.edge_watch import watch

edge = typer.Typer(help="Obfuscate and ask, as a device does.", no_args_is_help=True)
for command in (send, watch, bench):
    edge.command(command.__name__)(command)
