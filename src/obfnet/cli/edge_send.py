"""``obfnet edge send``: labels of samples in files, asked for as a device does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli import edge_options as options

#: Exit status where samples wait in the queue and nothing else is wrong.
KEPT = 4


def send(
    files: Annotated[
        list[Path], typer.Argument(help=".npy or .npz, pictures or .wav where a sample is one")
    ],
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
    batch: Annotated[int, typer.Option(min=1, help="samples in one request")] = 1,
    as_json: options.AsJson = False,
) -> None:
    """Obfuscate the samples in FILES and print the backend's labels.

    Status 1: an error, or a sample that waited was given up; 4: samples wait in the queue. A
    sample is sent raw only where the policy says so.
    """
    from obfnet.cli.edge_client import Typed, connected
    from obfnet.edge.sending import Sent, drained, sent
    from obfnet.errors import SampleRejectedError
    from obfnet.progress import say

    def show(what: Sent) -> bool:
        typer.echo(json.dumps(what.plain()) if as_json else "\n".join(what.lines()))
        return bool(what.kept)

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
    with client:
        failed, kept = False, False
        if waiting is not None:
            for each in drained(client, waiting, say):
                show(each)
                failed |= bool(each.error)
        for file in files:
            try:
                for each in sent(client, file, batch, waiting):
                    kept |= show(each)
            except SampleRejectedError as error:
                say(f"error: {error}")
                failed = True
        kept |= bool(waiting)  # what waited before and was not taken
    if failed or kept:
        raise typer.Exit(1 if failed else KEPT)
