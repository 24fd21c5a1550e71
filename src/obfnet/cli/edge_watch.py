"""``obfnet edge watch``: labels of samples that appear in a folder."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from obfnet.cli import edge_options as options


def watch(
    folder: Annotated[Path, typer.Argument(help="where files of samples appear")],
    bundle: options.Bundle,
    key: options.Key,
    url: options.Url,
    device: options.Device = None,
    infnet: options.InfNet = None,
    state: options.State = None,
    model: options.Model = "infnet",
    ca: options.Authority = None,
    cert: options.Certificate = None,
    cert_key: options.CertificateKey = None,
    token_env: options.TokenEnv = None,
    token_file: options.TokenFile = None,
    policy: options.Policy = "always",
    picker: options.Picker = "random",
    pin_key: options.PinKey = None,
    runtime: options.Runtime = None,
    timeout: options.Timeout = 10.0,
    attempts: options.Attempts = 3,
    queue: options.Queue = None,
    queue_bytes: options.QueueBytes = 10_000_000,
    every: Annotated[float, typer.Option(min=0.01, help="seconds between two looks")] = 1.0,
    as_json: options.AsJson = False,
) -> None:
    """Ask about every new file of samples in FOLDER until Ctrl-C.

    What became of FILE is in FILE.answer.json beside it, and printed. An error that is not one
    file's ends it with status 1.
    """
    from obfnet.cli.edge_client import Typed, connected
    from obfnet.edge.seen import Seen
    from obfnet.edge.watching import Watch
    from obfnet.progress import say

    def show(seen: Seen) -> None:
        typer.echo(json.dumps(seen.plain()) if as_json else seen.line())

    client, waiting = connected(
        Typed(
            bundle=bundle,
            key=key,
            device=device,
            infnet=infnet,
            state=state,
            url=url,
            model=model,
            ca=ca,
            cert=cert,
            cert_key=cert_key,
            token_env=token_env,
            token_file=token_file,
            policy=policy,
            picker=picker,
            pin_key=pin_key,
            runtime=runtime,
            timeout=timeout,
            attempts=attempts,
            queue=queue,
            queue_bytes=queue_bytes,
        )
    )
    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):  # the second one interrupts
        signal.signal(name, lambda number, frame: _stop(stop))
    with client:
        say(f"watching {folder}; Ctrl-C stops")
        Watch(folder, client, waiting, show, say).until(stop, every)
    say(f"stopped; {0 if waiting is None else len(waiting)} messages wait")


def _stop(stop: Event) -> None:
    if stop.is_set():
        raise KeyboardInterrupt
    stop.set()
