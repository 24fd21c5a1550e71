"""``obfnet audit``: what leaks from a transform, with a report and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from obfnet.cli.show_audit import show_audits
from obfnet.cli.typed import typed

#: Exit status of a report that does not meet its criteria.
FAILED = 3


def audit(
    subjects: Annotated[
        list[str],
        typer.Argument(
            help="folder of 'forge', bundle, ONNX file, .npz of recorded pairs, "
            "module:attribute of Python code, or raw"
        ),
    ],
    out: Annotated[Path, typer.Option(help="folder; a second call goes on there")] = Path(
        "runs/audit"
    ),
    infnet: Annotated[
        str | None,
        typer.Option(help="folder of 'obfnet train', ONNX file, or URL; by default the forge's"),
    ] = None,
    answers: Annotated[str | None, typer.Option(help="logits, probabilities or labels")] = None,
    data: Annotated[
        str | None, typer.Option(help="registered dataset; by default the forge's")
    ] = None,
    split_seed: Annotated[int | None, typer.Option(help="root of the split")] = None,
    official_test: Annotated[
        bool | None, typer.Option(help="judge on the publisher's test set")
    ] = None,
    disjoint_groups: Annotated[
        bool | None, typer.Option(help="no speaker in two parts of the split")
    ] = None,
    effort: Annotated[str, typer.Option(help="quick, standard or full")] = "quick",
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
    criteria: Annotated[
        Path | None, typer.Option(help="TOML; exit status 3 where they are not met")
    ] = None,
    device: Annotated[int, typer.Option(help="which set of a forge's fleet")] = 0,
    kin: Annotated[
        list[Path] | None, typer.Option(help="forge folder of ObfNets that an attacker holds")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="of recorded samples: image, photo, mfcc or plain")
    ] = "plain",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="infnet.KEY=VALUE or data.KEY=VALUE of a forge's spec"),
    ] = None,
) -> None:
    """Attack SUBJECTS, and report what leaks beyond the label."""
    from obfnet.forging import spec_changes
    from obfnet.study.audit_into import Asked, audit_into, kind_of

    flags: dict[tuple[str, str], Any] = {
        spec_changes.source_of(infnet): infnet,
        ("infnet", "answers"): answers,
        ("data", "name"): data,
        ("data", "split_seed"): split_seed,
        ("data", "official_test"): official_test,
        ("data", "disjoint_groups"): disjoint_groups,
    }
    changes = {place: value for place, value in flags.items() if value is not None}
    changes |= dict(spec_changes.setting(each) for each in set_ or ())
    asked = Asked(
        tuple(subjects),
        changes,
        effort,
        seed,
        criteria,
        device,
        tuple(kin or ()),
        kind_of(kind),
        typed(),
    )
    if not show_audits(audit_into(out, asked)):
        raise typer.Exit(FAILED)
