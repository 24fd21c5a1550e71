"""``obfnet study forge-endpoint``: forge for MNIST's I_C behind HTTP, by queries alone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.nets.budget import Budget
from obfnet.nets.endpoint import EndpointInfNet
from obfnet.nets.frozen import Terms, freeze
from obfnet.serving.process import running
from obfnet.serving.settings import Settings
from obfnet.study.forged import row
from obfnet.study.making import make_infnet, make_repository, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.study import Ask

TITLE = "Forging for a bare endpoint"
NOTE = (
    "The InfNet is MNIST's I_C behind HTTP; every sample it was asked about is counted, "
    "probes and verification included. Rows of the table are public samples (decoys). Raw "
    "accuracy is of the same model, asked outside of the count."
)
BUDGET = Budget(params=10_000, macs=1_000_000)
SCHEDULE = Schedule(epochs=8, rate=4e-3)
#: What the owner of the endpoint allows, all queries of a run together.
MOST_QUERIES = 5000
#: Training samples set apart as the public pool of the decoys, and those that have no label but
#: the endpoint's where nobody knows labels.
POOL, ASKED = 1000, 3900
#: Validation samples where labels are asked for.
HELD = 500


def forge_endpoint(ask: Ask) -> Path:
    """Forge one codebook ObfNet with decoy rows through an endpoint, with labels and without.

    The endpoint gives logits over HTTP and nothing else. Accuracy is the endpoint's on x' of all
    test samples; x' takes so few values that asking about them costs next to nothing. Raw test
    samples are judged by the same model here, outside of the queries that are counted.
    """
    started = time.perf_counter()
    place = open_workplace("mnist", ask.seed)
    infnet = make_infnet(place)
    repository = make_repository(place, infnet, ask.folder)
    pool = place.data.samples[place.splits.train[:POOL]]
    rows = []
    with running(Settings(repository, port=0)) as url:
        for labels in ("known", "asked"):
            endpoint = freeze(
                f"{url}/v2/models/infnet",
                probes=pool[:8],
                terms=Terms(most_queries=MOST_QUERIES),
            )
            assert isinstance(endpoint, EndpointInfNet)
            data, splits = _known(place.data, place.splits, labels)
            fleet = forge(
                endpoint,
                data,
                budget=BUDGET,
                splits=splits,
                rows="decoy",
                pool=pool,
                schedule=replace(SCHEDULE, epochs=1) if ask.quick else _schedule(splits),
                twins=False,
                seed=ask.seed,
            )
            held = place.data.take(place.splits.test)
            clean = float((infnet.predict(held.samples) == held.labels).mean())
            rows.append(
                row(fleet, endpoint, held, [ask.seed], clean)
                | {
                    "split": f"{place.case.split_label}, labels {labels}",
                    "infnet": f"{place.case.infnet_label} behind HTTP",
                    "queries": endpoint.queries,
                }
            )
    return publish(ask.folder, ask.command, rows, time.perf_counter() - started, TITLE, NOTE)


def _schedule(splits: Splits) -> Schedule:
    """A third of the steps where there are few samples."""
    share = 54_000 / len(splits.train)
    return replace(SCHEDULE, epochs=round(SCHEDULE.epochs * max(1.0, share / 3)))


def _known(data: Dataset, splits: Splits, labels: str) -> tuple[Dataset, Splits]:
    """The samples without the pool's; without labels, no more of them than may be asked about."""
    train = splits.train[POOL:]
    if labels == "known":
        return data, replace(splits, train=train, attacker_train=train)
    train, held = train[:ASKED], splits.validation[:HELD]
    nobody = replace(data, labels=np.full(len(data), -1, np.int64))
    parts = replace(splits, train=train, validation=held, attacker_train=train)
    return nobody, replace(parts, attacker_validation=held)
