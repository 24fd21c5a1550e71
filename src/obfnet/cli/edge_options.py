"""Options that the commands of ``obfnet edge`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.edge.policy_text import EXAMPLES

Bundle = Annotated[Path, typer.Option(help="signed file of the device's set")]
Key = Annotated[list[str], typer.Option(help="public key that is trusted, 64 hex digits")]
Device = Annotated[str | None, typer.Option(help="id that the bundle must be for")]
InfNet = Annotated[str | None, typer.Option(help="digest that the bundle must be for")]
State = Annotated[
    Path | None, typer.Option(help="file that remembers versions and keys, against rollback")
]
Url = Annotated[str, typer.Option(help="http(s)://host:port of the backend")]
Model = Annotated[str, typer.Option(help="name of the InfNet there")]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="PEM of the only authority believed; else the system's")
]
Certificate = Annotated[Path | None, typer.Option("--cert", help="PEM, for mutual TLS")]
CertificateKey = Annotated[Path | None, typer.Option("--cert-key", help="PEM of its private key")]
TokenEnv = Annotated[
    str | None, typer.Option(help="variable of the environment that holds the bearer token")
]
TokenFile = Annotated[
    Path | None, typer.Option(help="file that holds it, read again for each request")
]
Policy = Annotated[str, typer.Option(help=f"when to obfuscate, else raw: {EXAMPLES}")]
Picker = Annotated[str, typer.Option(help="which ObfNet: random or pinned")]
PinKey = Annotated[
    Path | None, typer.Option(help="file of the device's secret for pinned; made if missing")
]
Runtime = Annotated[
    str | None, typer.Option(help="what runs the nets, e.g. numpy; by default the fastest there")
]
Timeout = Annotated[float, typer.Option(help="seconds without a byte from the backend")]
Attempts = Annotated[int, typer.Option(help="tries, all of the same bytes")]
Queue = Annotated[
    Path | None, typer.Option(help="folder where obfuscated samples wait while it is away")
]
QueueBytes = Annotated[int, typer.Option(help="most that the folder may hold")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, an object in each line")]
