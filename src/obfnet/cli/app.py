"""Puts the verbs together, and turns errors and Ctrl-C into one line and an exit status."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from obfnet import __version__
from obfnet.cli.edge import edge
from obfnet.errors import ObfNetError
from obfnet.progress import say

#: Each verb is the function of the same name in the module of the same name.
VERBS = (
    "demo", "train", "forge", "audit", "report", "compare", "keys", "export", "bundle", "verify",
    "inspect", "study", "bench", "serve", "engine", "doctor",
)  # fmt: skip

#: Exit status of a process that Ctrl-C ended, by convention 128 + SIGINT.
INTERRUPTED = 130

app = typer.Typer(
    help="Remote inference on obfuscated samples with a model that never changes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for verb in VERBS:
    command: Callable[..., Any] = getattr(import_module(f"obfnet.cli.{verb}"), verb)
    app.command(verb)(command)
app.add_typer(edge, name="edge")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Remote inference on obfuscated samples with a model that never changes."""
    if version:
        typer.echo(f"obfnet {__version__}")
        raise typer.Exit


def run() -> int:
    """Run the command line; returns the exit status: 1 on an error, 130 on Ctrl-C."""
    try:
        status = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except ObfNetError as error:
        say(f"error: {error}")
        return 1
    except ModuleNotFoundError as error:
        say(f"error: {error.name} is not installed; 'obfnet doctor' says how to get it")
        return 1
    except Exception as error:
        # Usage errors of the command line know how to show themselves.
        if not hasattr(error, "exit_code") or not hasattr(error, "show"):
            raise
        error.show()
        return int(error.exit_code)
    if status == INTERRUPTED:  # typer turns Ctrl-C into this status by itself
        say("stopped; finished stages are kept, no file is half-written")
    return int(status or 0)
