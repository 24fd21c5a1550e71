"""Search encoders and mechanisms under one budget for the best trade-offs.

Accuracy and leakage pull apart, and so do both and what a device can spare; the answer is a
front, not a point::

    front = search(train, (1, 28, 28), [Codebook(10), Codebook(20, 2)], Budget(macs=500_000),
                   leaks, trials=30, seed=0, storage=Path("search.journal"))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from obfnet.errors import ForgeError, MissingExtraError, SpecError, StorageError
from obfnet.forging.space import Place, Space, space, title
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost
from obfnet.nets.families import Proposal
from obfnet.progress import say
from obfnet.seeds import branch

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

Made = TypeVar("Made")
#: Trials drawn at random before the sampler looks at what it has seen.
STARTUP = 8


@dataclass(frozen=True)
class Candidate:
    """A trade-off that no other one found is better than in every way.

    Args:
        proposal: the encoder; ``proposal.factory`` makes it untrained.
        mechanism: limits its code.
        cost: of encoder and decoder.
        accuracy: as ``train`` found it, a fraction.
        leakage: as ``leaks`` found it.
        trial: its number in the storage.
    """

    proposal: Proposal
    mechanism: Mechanism
    cost: Cost
    accuracy: float
    leakage: float
    trial: int


def search(
    train: Callable[[Proposal, Mechanism], tuple[float, Made]],
    shape: tuple[int, ...],
    mechanisms: Sequence[Mechanism],
    budget: Budget,
    leaks: Callable[[Made], float],
    trials: int,
    seed: int,
    *,
    kind: str = "image",
    depths: Sequence[int] = (1, 2, 3),
    decoder: Callable[[Mechanism], Cost] | None = None,
    storage: Path | None = None,
) -> list[Candidate]:
    """The Pareto front of accuracy (more), leakage (less) and multiply-accumulates (less).

    No configuration is trained twice. The same seed tries the same configurations, also when
    a search is stopped and goes on from its storage, as long as ``train`` gives the same.

    Args:
        train: makes one ObfNet; gives its accuracy on *validation* data, and the ObfNet.
        shape: of a sample.
        mechanisms: those to choose from, with all their arguments.
        budget: what the device can spare for encoder and decoder together.
        leaks: measures the ObfNet that ``train`` gave, on data that is not used for the report.
        trials: how many configurations to try in all, those in the storage included; fewer
            where fewer fit the budget.
        seed: of the sampler; ``train`` has its own.
        kind: of the samples, as for :func:`obfnet.nets.families.propose`.
        depths: blocks in each stage, or hidden layers, to choose from.
        decoder: what the decoder of a mechanism costs; nothing by default.
        storage: a file that keeps every trial, so that a stopped search goes on.

    Returns:
        The front, by rising multiply-accumulates. Trials that failed with a ``ForgeError`` are
        kept in the storage with their message, and are not tried again.

    Raises:
        MissingExtraError: optuna is not installed.
        SpecError: nothing fits, ``trials`` below 1, an accuracy or leakage that is no number,
            or the storage holds another search.
        StorageError: the storage cannot be written.
    """
    if trials < 1:
        raise SpecError(f"expected at least 1 trial, got {trials}")
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            "search needs optuna, which is not installed: pip install 'obfnet[search]'"
        ) from error
    from optuna.trial import TrialState

    everything = space(shape, mechanisms, budget, kind, depths, decoder)
    places = everything.places()
    with _quiet():
        study = _open(storage, f"{seed} {everything.describe()}")
        tried = _tried(study)
        wanted = min(trials, len(places))
        while len(tried) < wanted:
            turn = branch(seed, "search", len(tried))
            # A sampler for each turn: a search that goes on draws what it would have drawn.
            study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=turn % 2**32)
            trial = study.ask()
            place = _draw(trial, everything)
            if place in tried:
                untried = [other for other in places if other not in tried]
                study.tell(trial, state=TrialState.FAIL)
                study.enqueue_trial(_parameters(Random(turn).choice(untried), everything))
                continue
            trial.set_user_attr("place", list(place))
            proposal = everything.proposal(place)
            shelf = everything.shelves[place.mechanism]
            say(f"search {len(tried) + 1} of {wanted}: {_name(proposal, shelf.mechanism)}")
            try:
                accuracy, made = train(proposal, shelf.mechanism)
                values = (accuracy, leaks(made), (proposal.cost + shelf.decoder).macs)
                _check(values)
            except ForgeError as error:
                trial.set_user_attr("error", f"{type(error).__name__}: {error}")
                study.tell(trial, state=TrialState.FAIL)
            except BaseException:
                study.tell(trial, state=TrialState.FAIL)  # without an error: tried again
                raise
            else:
                study.tell(trial, values)
            tried.add(place)
        front = [_candidate(trial, everything) for trial in study.best_trials]
    return sorted(front, key=lambda one: (one.cost.macs, -one.accuracy, one.leakage))


def _open(storage: Path | None, identity: str) -> Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        if storage is not None:
            storage.parent.mkdir(parents=True, exist_ok=True)
        # Optuna appends whole lines to its journal, so it is not written through obfnet.files.
        kept = None if storage is None else JournalStorage(JournalFileBackend(str(storage)))
        study = optuna.create_study(
            study_name="search",
            storage=kept,
            directions=["maximize", "minimize", "minimize"],
            load_if_exists=True,
        )
    except OSError as error:
        raise StorageError(
            f"the search cannot be kept in {storage} ({error.strerror or error}): "
            "choose another file"
        ) from error
    if study.user_attrs.setdefault("identity", identity) != identity:
        raise SpecError(
            f"{storage} holds a search with another seed, budget, shape or other mechanisms: "
            "repeat those, or choose another file"
        )
    study.set_user_attr("identity", identity)
    return study


def _tried(study: Study) -> set[Place]:
    """Places that were trained or failed as a ``ForgeError``, not those that were cut short."""
    return {
        Place(*trial.user_attrs["place"])
        for trial in study.trials
        if trial.values is not None or "error" in trial.user_attrs
    }


def _draw(trial: Trial, everything: Space) -> Place:
    return everything.place(
        trial.suggest_categorical("mechanism", range(len(everything.shelves))),
        trial.suggest_categorical("ladder", range(everything.widest)),
        trial.suggest_float("size", 0, 1),
    )


def _parameters(place: Place, everything: Space) -> dict[str, float]:
    """What ``_draw`` would have to draw to find ``place``."""
    return {
        "mechanism": place.mechanism,
        "ladder": place.ladder,
        "size": everything.size(place),
    }


def _check(values: tuple[float, float, int]) -> None:
    accuracy, leakage, _ = values
    if not 0 <= accuracy <= 1 or not math.isfinite(leakage):
        raise SpecError(
            "expected an accuracy from 0 to 1 and a finite leakage, got "
            f"{accuracy} and {leakage}: correct `train` or `leaks`"
        )


def _candidate(trial: FrozenTrial, everything: Space) -> Candidate:
    place = Place(*trial.user_attrs["place"])
    shelf = everything.shelves[place.mechanism]
    proposal = everything.proposal(place)
    accuracy, leakage, _ = trial.values
    cost = proposal.cost + shelf.decoder
    return Candidate(proposal, shelf.mechanism, cost, accuracy, leakage, trial.number)


def _name(proposal: Proposal, mechanism: Mechanism) -> str:
    arguments = ", ".join(f"{name}={value}" for name, value in proposal.arguments.items())
    return f"{title(mechanism)}, {proposal.encoder}({arguments}), {proposal.cost}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep optuna's report of every trial off the user's terminal."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
