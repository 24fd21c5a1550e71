"""The three ways to get rows: each recognised, each its own, each no more asked than it says."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.errors import ForgeError, OverlapError, SpecError, UnknownNameError
from obfnet.forging import optimised
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.decoy import decoy_rows, decoy_tables
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import Table
from obfnet.forging.optimised import optimise_rows, optimise_tables
from obfnet.forging.pool import distinct, fingerprints, refuse_overlap
from obfnet.forging.rows import ROWS, TABLES, pick
from obfnet.forging.searched import search_rows, search_tables
from obfnet.forging.table import LEAST_CONFIDENCE, recognise, says_labels_only
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.frozen import InfNet, freeze


class Asked(InfNet):
    """A real net behind a counter: no gradients, as an endpoint, and labels only on request."""

    def __init__(self, infnet, labels_only=False, smooth=0.0):
        self.inner, self.digest = infnet, infnet.digest
        self.labels_only, self.smooth, self.asked = labels_only, smooth, 0

    def log_probabilities(self, samples, batch=512):
        self.asked += len(samples)
        answers = self.inner.log_probabilities(samples, batch)
        if not self.labels_only:
            return answers
        bare = np.full_like(answers, self.smooth)
        bare[np.arange(len(bare)), answers.argmax(1)] = 1 - self.smooth * (answers.shape[1] - 1)
        with np.errstate(divide="ignore"):
            return np.log(bare)

    def verify(self):
        self.inner.verify()


@pytest.fixture(scope="module")
def pool(digits, splits):
    """Public samples: none that the InfNet of these tests was chosen on."""
    return digits.samples[splits.test]


@pytest.fixture
def ways(pool):
    """Each way with all that it needs beyond the common arguments."""
    return {"optimised": {}, "decoy": {"pool": pool}, "searched": {}}


def contents(table):
    return set(fingerprints(table.rows.flatten(0, 1).numpy()))


def test_every_name_has_both_forms():
    assert set(ROWS) == set(TABLES) == {"optimised", "decoy", "searched"}
    assert pick(ROWS, "decoy") is decoy_rows
    with pytest.raises(UnknownNameError, match=r"'drawn'.*'decoy', 'optimised', 'searched'"):
        pick(ROWS, "drawn")


@pytest.mark.parametrize("way", sorted(ROWS))
@pytest.mark.parametrize("exemplars", [1, 3])
def test_rows_are_recognised_and_look_like_samples(way, exemplars, ways, infnet, digits):
    table = ROWS[way](infnet, digits.spec, 10, 0, exemplars, **ways[way])
    assert table.rows.shape == (10, exemplars, *digits.spec.shape)
    assert table.rows.dtype == torch.float32
    flat = digits.spec.check(table.rows.flatten(0, 1).numpy())
    answers = infnet.log_probabilities(flat).reshape(10, exemplars, 10)
    assert answers.argmax(2).tolist() == [[k] * exemplars for k in range(10)]
    assert np.exp(answers.max(2)).min() >= 0.99 - 1e-4
    # One exemplar is drawn: a code is answered with the mean of their probabilities.
    np.testing.assert_allclose(table.log_probabilities.exp(), np.exp(answers).mean(1), atol=1e-5)
    assert table.labels.tolist() == list(range(10))
    assert len(contents(table)) == 10 * exemplars


@pytest.mark.parametrize("way", ["optimised", "searched"])
def test_several_codes_for_a_class(way, infnet, digits):
    table = ROWS[way](infnet, digits.spec, 20, 0)
    assert table.labels.tolist() == list(range(10)) * 2
    assert len(contents(table)) == 20


def test_several_codes_for_a_class_share_no_decoy(infnet, digits, pool):
    table = decoy_rows(infnet, digits.spec, 20, 0, 2, pool=pool)
    assert table.labels.tolist() == list(range(10)) * 2
    assert len(contents(table)) == 40


@pytest.mark.parametrize("way", sorted(ROWS))
def test_a_seed_gives_its_table_again_and_another_seed_another(way, ways, infnet, digits):
    one, again, other = (ROWS[way](infnet, digits.spec, 10, s, **ways[way]) for s in (0, 0, 1))
    assert torch.equal(one.rows, again.rows)
    assert (one.rows - other.rows).abs().mean() > 0.05


@pytest.mark.parametrize("many", [optimise_tables, search_tables])
def test_a_table_does_not_depend_on_its_neighbours(many, infnet, digits):
    together = many(infnet, digits.spec, 10, [5, 6, 7], 2)
    for seed, table in zip([5, 6, 7], together, strict=True):
        (alone,) = many(infnet, digits.spec, 10, [seed], 2)
        assert (table.rows - alone.rows).abs().max() < 1e-3
        assert table.queries == alone.queries


def test_a_hard_neighbour_does_not_move_a_row_that_is_done(infnet, digits, monkeypatch):
    """Rows of other tables in the same batch go on for longer; this one stays where it was."""
    slow = max(range(12), key=lambda seed: optimise_rows(infnet, digits.spec, 10, seed).queries)
    quick = min(range(12), key=lambda seed: optimise_rows(infnet, digits.spec, 10, seed).queries)
    pair = optimise_tables(infnet, digits.spec, 10, [quick, slow])
    assert pair[0].queries < pair[1].queries
    assert (pair[0].rows - optimise_rows(infnet, digits.spec, 10, quick).rows).abs().max() < 1e-3


def test_tables_beyond_one_batch(infnet, digits):
    tables = optimise_tables(infnet, digits.spec, 10, list(range(40)))  # 400 rows, 256 at once
    alone = optimise_rows(infnet, digits.spec, 10, 39)
    assert len(tables) == 40
    assert (tables[39].rows - alone.rows).abs().max() < 1e-3


@pytest.mark.parametrize("way", sorted(ROWS))
def test_queries_are_counted(way, ways, infnet, digits):
    if way == "optimised":

        class Counting(nn.Module):
            asked = 0

            def forward(self, samples):
                Counting.asked += len(samples)
                return infnet.module(samples)

        table = optimise_rows(freeze(Counting()), digits.spec, 10, 0)
        assert Counting.asked == table.queries + 1  # and one that tells the number of classes
        return
    asked = Asked(infnet)
    assert ROWS[way](asked, digits.spec, 10, 0, **ways[way]).queries == asked.asked


def test_a_pool_is_asked_about_once_and_in_part(infnet, digits, pool):
    asked = Asked(infnet)
    tables = decoy_tables(asked, digits.spec, 10, [0, 1], 2, pool=pool)
    assert asked.asked == tables[0].queries == tables[1].queries < len(pool)
    with pytest.raises(ForgeError, match="of the 30 public samples asked about"):
        decoy_tables(asked, digits.spec, 10, [0, 1], 8, pool=pool, most_queries=30)
    assert asked.asked == tables[0].queries + 30


def test_decoys_are_samples_of_the_pool_and_of_one_table_only(infnet, digits, pool):
    tables = decoy_tables(infnet, digits.spec, 10, range(3), 2, 0.9, pool=pool)
    known = set(fingerprints(pool))
    found = [contents(table) for table in tables]
    assert set.union(*found) <= known
    assert sum(map(len, found)) == len(set.union(*found)) == 60
    later = decoy_rows(
        infnet, digits.spec, 10, 9, 2, 0.9, pool=pool, taken=[table.rows for table in tables]
    )
    assert not contents(later) & set.union(*found)


def test_a_pool_too_small_for_all_is_shared_evenly(infnet, digits, pool):
    found = infnet.predict(pool)
    sure = np.exp(infnet.log_probabilities(pool).max(1)) >= 0.99
    three = np.concatenate([np.flatnonzero(sure & (found == label))[:3] for label in range(10)])
    tables = decoy_tables(infnet, digits.spec, 10, range(3), 2, pool=pool[three])
    marks = [mark for table in tables for mark in contents(table)]
    assert len(marks) == 60  # none twice in a table
    assert {marks.count(mark) for mark in marks} == {2}  # each of thirty as often


def test_copies_in_a_pool_count_once(infnet, digits, pool):
    one = distinct(np.concatenate([pool, pool, -0.0 * pool[:1]]), pool[:5])
    assert len(one) == len(set(fingerprints(pool))) - len(set(fingerprints(pool[:5]))) + 1
    once = [np.flatnonzero(infnet.predict(pool) == label)[0] for label in range(10)]
    with pytest.raises(ForgeError, match="expected at least 8"):
        decoy_rows(infnet, digits.spec, 10, 0, pool=pool[once].repeat(8, axis=0))


def test_a_pool_without_a_class_is_an_error_that_names_it(infnet, digits, pool):
    without = pool[infnet.predict(pool) != 7]
    with pytest.raises(ForgeError, match=r"class 7: 0 of the \d+ public samples.*add samples"):
        decoy_rows(infnet, digits.spec, 10, 0, pool=without)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda pool: pool[:0], "empty"),
        (lambda pool: pool * 2, "the pool: sample values span"),
        (lambda pool: pool.astype(np.float64), "the pool: samples are float64"),
    ],
)
def test_a_pool_of_no_samples(broken, message, infnet, digits, pool):
    with pytest.raises(SpecError, match=message):
        decoy_rows(infnet, digits.spec, 10, 0, pool=broken(pool))


def test_a_pool_must_not_hold_what_is_evaluated(pool, digits, splits):
    with pytest.raises(OverlapError, match="shares 3 samples with the evaluation"):
        refuse_overlap(np.concatenate([1 - pool, pool[:3]]), pool, "the evaluation")
    refuse_overlap(1 - pool, pool, "the evaluation")


@pytest.mark.parametrize("smooth", [0.0, 0.01, 0.08])
def test_labels_are_enough_for_decoys_and_too_little_for_a_search(smooth, infnet, digits, pool):
    """However an InfNet writes a label down."""
    bare = Asked(infnet, labels_only=True, smooth=smooth)
    table = decoy_rows(bare, digits.spec, 10, 0, 4, pool=pool)
    assert table.labels.tolist() == list(range(10))
    assert (infnet.predict(table.rows.flatten(0, 1).numpy()) == np.arange(10).repeat(4)).all()
    assert torch.isfinite(table.log_probabilities).all()
    assert table.log_probabilities.diagonal().tolist() == [0] * 10
    with pytest.raises(SpecError, match=r"labels only.*'decoy'"):
        search_rows(bare, digits.spec, 10, 0)


def test_scores_are_not_taken_for_labels(infnet, pool):
    assert not says_labels_only(infnet.log_probabilities(pool))
    assert not says_labels_only(infnet.log_probabilities(pool[:1]))


def test_gradients_are_needed_to_optimise_only(infnet, digits):
    asked = Asked(infnet)
    with pytest.raises(SpecError, match=r"Asked gives no gradients.*'decoy' or 'searched'"):
        optimise_rows(asked, digits.spec, 10, 0)
    assert asked.asked == 0
    assert search_rows(asked, digits.spec, 10, 0).queries < 1000


@pytest.mark.parametrize(
    ("way", "few", "advice"),
    [("optimised", {"steps": 1}, "logits"), ("searched", {"most_queries": 3}, "more queries")],
)
def test_rows_that_are_not_recognised_are_an_error(way, few, advice, infnet, digits):
    with pytest.raises(ForgeError, match=f"not recognised as their class.*{advice}"):
        ROWS[way](infnet, digits.spec, 10, 0, **few)


def test_a_row_that_leaps_about_begins_again_more_slowly(infnet, digits, monkeypatch):
    """At the first rate every value saturates, where there is no gradient to turn back by."""
    monkeypatch.setattr(optimised, "RATES", (1e6,))
    with pytest.raises(ForgeError, match="at each of 1 rates"):
        optimise_rows(infnet, digits.spec, 10, 0, steps=60)
    monkeypatch.setattr(optimised, "RATES", (1e6, 0.3))
    table = optimise_rows(infnet, digits.spec, 10, 0, steps=60)
    monkeypatch.setattr(optimised, "RATES", (0.3,))
    slow = optimise_rows(infnet, digits.spec, 10, 0, steps=60)
    assert table.log_probabilities.diagonal().exp().min() > LEAST_CONFIDENCE
    assert contents(table) & contents(slow), "those that begin again begin where they began"
    assert table.queries > slow.queries + 60


def test_a_search_keeps_to_its_bound(infnet, digits):
    asked = Asked(infnet)
    with pytest.raises(ForgeError):
        search_rows(asked, digits.spec, 10, 0, most_queries=4)
    assert asked.asked <= 4 * 10


@pytest.mark.parametrize("way", sorted(ROWS))
def test_requests_that_make_no_sense(way, ways, infnet, digits):
    for wrong, message in (
        ({"codes": 12}, "multiple of the InfNet's 10 classes, got 12"),
        ({"exemplars": 0}, "at least 1 exemplar"),
        ({"confidence": 0.5}, "confidence of at least 0.9"),
    ):
        with pytest.raises(SpecError, match=message):
            ROWS[way](infnet, digits.spec, **{"codes": 10, "seed": 0} | wrong, **ways[way])
    assert TABLES[way](infnet, digits.spec, 10, [], **ways[way]) == []


def test_every_exemplar_must_be_recognised():
    """A mean would hide one that is not, and with it the factor given the label."""
    answers = np.log(np.full((2, 3, 2), 0.5, np.float32))
    answers[[0, 1], :, [0, 1]], answers[[0, 1], :, [1, 0]] = math.log(0.99), math.log(0.01)
    rows = np.zeros((2, 3, 4), np.float32)
    assert recognise(rows, answers, 0, "").labels.tolist() == [0, 1]
    answers[1, 2] = answers[0, 0]
    with pytest.raises(ForgeError, match=r"1 of 6 rows.*code 1 has probability 0.01 of class 1"):
        recognise(rows, answers, 0, "take another")
    answers[1, 2] = np.nan
    with pytest.raises(ForgeError, match=f"expected at least {LEAST_CONFIDENCE}"):
        recognise(rows, answers, 0, "take another")


def test_a_table_draws_one_exemplar_of_the_code_and_none_where_there_is_one():
    rows = torch.arange(12.0).reshape(2, 3, 2)
    released = Table(rows)(torch.ones(600, dtype=torch.int64))
    values, counts = np.unique(released[:, 0].numpy(), return_counts=True)
    assert values.tolist() == [6, 8, 10]
    assert abs(counts - 200).max() < 60

    def refuse(shape):
        raise AssertionError("one exemplar leaves nothing to draw")

    assert Table(rows[:, :1])(torch.tensor([1, 0]), refuse).tolist() == [[6, 7], [0, 1]]


def test_the_certificate_is_that_of_the_codes(infnet, digits, splits):
    """Eight exemplars, still log2 K bits: what is released depends on x through the code only."""
    table = decoy_rows(infnet, digits.spec, 10, 0, pool=digits.samples[splits.test])
    job = Job(
        infnet,
        digits,
        splits,
        Codebook(10),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
        Schedule(epochs=3),
    )
    (made,) = forge_codebooks(job, [0], [table])
    assert made.mechanism.certificate().bits == math.log2(10)
    fixed = np.random.default_rng(0).random(len(digits))
    samples = digits.samples[splits.train][:400]
    codes = made.mechanism.release(made.encoder(torch.from_numpy(samples)).detach().numpy())
    # With the same draws, equal codes give equal x' whatever x was.
    released = made(samples, lambda shape: np.broadcast_to(fixed[0], shape))
    for code in np.unique(codes):
        assert len(np.unique(released[codes == code].reshape(-1, 64), axis=0)) == 1
    # The InfNet answers every exemplar alike, so its answer tells the code and the code it.
    assert (infnet.predict(made(samples)) == table.labels[codes]).all()
