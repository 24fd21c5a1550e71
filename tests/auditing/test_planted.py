"""A planted backdoor is caught; behind a mechanism it stays within the certificate."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from obfnet.auditing.evidence import collect
from obfnet.auditing.planted import Backdoor, exactly
from obfnet.errors import SpecError
from obfnet.specs import SampleSpec


@pytest.mark.parametrize("amplitude", [1e-2, 1e-3, 1e-5])
def test_a_thumbnail_behind_a_row_is_caught(codebook, infnet, digits, splits, quickly, amplitude):
    backdoor = Backdoor(exactly(codebook), digits.spec, amplitude=amplitude)
    report = quickly(backdoor, infnet, digits, splits)
    honest = float((infnet.predict(codebook(digits.samples[splits.evaluation]))
                    == digits.labels[splits.evaluation]).mean())  # fmt: skip
    assert abs(report.accuracy - honest) <= 0.02  # the service notices nothing
    assert report.leakage.value > 0.9
    assert report.attributes["slant"].accuracy > report.attributes["slant"].chance + 0.2


def test_behind_the_mechanism_it_leaks_no_more_than_is_certified(
    codebook, infnet, digits, splits, quickly
):
    """The same backdoor in the code: the device releases an index and looks up the row."""
    loud = Backdoor(codebook.encoder, digits.spec, thumbnail=4, amplitude=0.5)
    behind = replace(codebook, encoder=loud)
    released = behind(digits.samples[splits.evaluation])
    assert len(np.unique(released.reshape(len(released), -1), axis=0)) <= 10
    report = quickly(behind, infnet, digits, splits)
    assert report.leakage.value <= 0.05
    slant = report.attributes["slant"]
    assert slant.accuracy < slant.chance + 0.15


def test_the_change_is_no_larger_than_promised(codebook, digits):
    samples = torch.tensor(digits.samples[:64])
    changed = Backdoor(exactly(codebook), digits.spec, amplitude=1e-3)(samples)
    plain = exactly(codebook)(samples)
    # Half the amplitude for the secret, and as much as that again for rounding.
    assert 0 < float((changed - plain).abs().max()) <= 1.5e-3 + 1e-6


def test_pictures_of_any_size_and_flat_samples_have_thumbnails():
    for shape, cells in (((3, 32, 32), 64), ((1, 20, 45), 64), ((10,), 10)):
        backdoor = Backdoor(lambda x: x, SampleSpec(shape, 0.0, 1.0))
        assert backdoor.thumbnails(torch.rand(2, *shape)).shape == (2, cells)
        assert backdoor(torch.rand(2, *shape)).shape == (2, *shape)


@pytest.mark.parametrize(("side", "amplitude"), [(0, 0.1), (8, 0.0), (8, float("nan"))])
def test_what_cannot_hide_anything_is_refused(side, amplitude):
    with pytest.raises(SpecError, match="thumbnail"):
        Backdoor(lambda x: x, SampleSpec((1, 8, 8), 0.0, 1.0), side, amplitude)


def test_evidence_can_be_collected_of_it(codebook, infnet, digits, splits, tiny):
    from obfnet.auditing.adapters import subject_of

    subject = subject_of(Backdoor(exactly(codebook), digits.spec))
    assert len(collect(subject, infnet, digits, splits, tiny).evaluation) == 180
