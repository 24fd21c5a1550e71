"""Each kind of thing becomes a subject that answers as the thing itself does."""

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.auditing.adapters import subject_of, with_kin
from obfnet.auditing.adapters.recorded import dataset_of, recorded
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.pack import bundle
from obfnet.data import split
from obfnet.errors import BundleRejectedError, NotMeasurableError, SpecError
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.nets.mnist import mlp_obfnet
from obfnet.study.bundled_subject import subject_of_bundle
from onnx_files import onnx_net
from small_nets import quick


@pytest.fixture(scope="module")
def samples(digits, splits):
    return digits.samples[splits.evaluation[:20]]


@pytest.fixture(scope="module")
def made(infnet, digits, splits):
    """A set of two for each mechanism, hardly trained."""

    def forge(mechanism, **more):
        return quick(infnet, digits, splits, mechanism=mechanism, size=2, **more)[0]

    return {
        "codebook": quick(infnet, digits, splits, size=2, twins=True)[0],
        "bits": forge(Bits(8)),
        "gaussian": forge(Gaussian(8, 1.0, 0.3)),
        "none": forge("none"),
    }


def gradient(subject, samples):
    given = torch.tensor(samples, requires_grad=True)
    (found,) = torch.autograd.grad((subject.gradients(given) ** 2).sum(), given)
    return found


@pytest.mark.parametrize("mechanism", ["codebook", "bits", "gaussian", "none"])
def test_a_set_knows_all_of_itself(made, samples, mechanism):
    subject = subject_of(made[mechanism])
    assert len(subject.members) == 2
    assert subject.mechanism.name == mechanism
    assert subject.transform(samples).shape == samples.shape
    assert gradient(subject, samples).abs().sum() > 0
    encoder = made[mechanism].obfnets[0].encoder
    assert subject.cost.params >= sum(values.numel() for values in encoder.parameters())
    assert subject.cost.macs > 0


def test_a_tables_cost_is_its_bytes(made):
    subject, obfnet = subject_of(made["codebook"]), made["codebook"].obfnets[0]
    encoder = 4 * sum(values.numel() for values in obfnet.encoder.parameters())
    assert subject.cost.bytes == encoder + 4 * obfnet.decoder.rows.numel()
    assert subject.twin_accuracy == made["codebook"].twin.validation_accuracy
    assert subject_of(made["bits"]).twin_accuracy is None


@pytest.mark.parametrize("mechanism", ["none", "bits"])
def test_the_smooth_form_is_exact_where_the_mechanism_draws_nothing(made, samples, mechanism):
    (obfnet, _) = made[mechanism].obfnets
    subject = subject_of(obfnet)
    with torch.no_grad():
        smooth = subject.gradients(torch.tensor(samples)).numpy()
    assert np.allclose(smooth, obfnet(samples), atol=1e-6)


def test_a_sets_smooth_form_is_one_member_for_each_sample(made, samples):
    subject = subject_of(made["none"])
    torch.manual_seed(0)
    with torch.no_grad():
        drawn = subject.gradients(torch.tensor(samples)).numpy()
    each = np.stack([member(samples) for member in subject.members])
    errors = np.abs(each - drawn).reshape(2, len(samples), -1).max(axis=2)
    assert (errors.min(axis=0) < 1e-5).all()
    assert 0 < (errors[0] < errors[1]).sum() < len(samples)


def test_kin_are_obfnets_and_not_sets(made):
    subject = with_kin(subject_of(made["bits"].obfnets[0]), [made["codebook"], np.negative])
    assert subject.kin == (*made["codebook"].obfnets, np.negative)


@pytest.mark.parametrize("mechanism", ["codebook", "bits", "none"])
def test_a_bundle_answers_as_its_set(made, samples, mechanism, tmp_path):
    path = tmp_path / "device.obfnet"
    bundle(made[mechanism]).save(path)
    subject, whole = subject_of_bundle(path), subject_of(made[mechanism])
    assert (subject.name, subject.mechanism) == (whole.name, whole.mechanism)
    assert (subject.cost.params, subject.cost.macs) == (whole.cost.params, whole.cost.macs)
    for one, other in zip(subject.members, whole.members, strict=True):
        assert np.allclose(one(samples), other(samples), atol=1e-4)
    assert subject.transform(samples).shape == samples.shape
    assert gradient(subject, samples).abs().sum() > 0


def test_a_damaged_bundle_is_refused(tmp_path):
    (tmp_path / "x.obfnet").write_bytes(b"PK no zip")
    with pytest.raises(BundleRejectedError):
        subject_of_bundle(tmp_path / "x.obfnet")


def test_an_onnx_file_answers_as_the_net(tmp_path, samples):
    net = mlp_obfnet((1, 8, 8), 16).eval()
    path = tmp_path / "blurred.onnx"
    path.write_bytes(export_onnx(net, np.concatenate([samples, samples])[:32]))
    subject = subject_of(path)
    with torch.no_grad():
        wanted = net(torch.tensor(samples)).numpy()
    assert subject.name == "blurred"
    assert np.allclose(subject.transform(samples), wanted, atol=1e-5)
    assert torch.allclose(gradient(subject, samples), gradient(subject_of(net), samples), atol=1e-4)


def test_an_onnx_file_of_a_fixed_batch_is_asked_in_parts(tmp_path):
    path = tmp_path / "fixed.onnx"
    path.write_bytes(
        onnx_net([("Mul", ["x", "half"], "y")], [4, 1, 2, 2], (4, 1, 2, 2), half=np.float32(0.5))
    )
    samples = np.random.default_rng(0).random((10, 1, 2, 2), dtype=np.float32)
    subject = subject_of(path)
    assert np.allclose(subject.transform(samples), samples / 2)
    assert subject.transform(samples[:0]).shape == (0, 1, 2, 2)


def test_an_onnx_file_for_other_samples_is_refused(tmp_path, samples):
    path = tmp_path / "small.onnx"
    path.write_bytes(onnx_net([("Identity", ["x"], "y")], gives=("n", 1, 2, 2)))
    with pytest.raises(SpecError, match=r"takes samples of shape \(1, 2, 2\).*\(1, 8, 8\)"):
        subject_of(path).transform(samples)


@pytest.mark.parametrize("name", ["no.onnx", "no.npz", "no.txt"])
def test_a_file_that_is_no_subject_is_refused(tmp_path, name):
    with pytest.raises(SpecError, match=r"no\."):
        subject_of(tmp_path / name)
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(SpecError, match=r"no\."):
        subject_of(tmp_path / name)


def test_a_net_of_two_inputs_is_refused(tmp_path):
    path = tmp_path / "two.onnx"
    path.write_bytes(onnx_net([("Add", ["x", "z"], "y")], gives=("n", 1, 2, 2), beside=["z"]))
    with pytest.raises(SpecError, match="one float32 input"):
        subject_of(path)


def test_recorded_pairs_give_what_was_recorded(tmp_path, infnet, digits, splits, quickly):
    chosen = np.random.default_rng(0).permutation(len(digits))
    path = tmp_path / "elsewhere.npz"
    released = 1 - digits.samples[chosen]
    slant = np.array(["left", "right", "upright"])[digits.attributes["slant"][chosen] % 3]
    np.savez(
        path, originals=digits.samples[chosen], released=released, attribute_slant=slant,
        labels=digits.labels[chosen],
    )  # fmt: skip
    data = dataset_of(path, infnet, kind="image")
    assert np.array_equal(data.labels, digits.labels[chosen])
    assert data.attribute_names["slant"] == tuple(np.unique(slant))
    subject = subject_of(path)
    assert np.array_equal(subject.transform(data.samples[5:9]), released[5:9])
    assert not subject.queries
    report = quickly(subject, infnet, data, split(data, 0))
    assert report.leakage.value > 0.98


def test_labels_that_were_not_recorded_are_the_infnets(tmp_path, infnet, digits):
    np.savez(tmp_path / "x.npz", originals=digits.samples[:50], released=digits.samples[:50])
    data = dataset_of(tmp_path / "x.npz", infnet)
    assert np.array_equal(data.labels, infnet.predict(digits.samples[:50]))
    assert len(data.classes) == 10


def test_pairs_that_are_none_are_refused(tmp_path, samples):
    with pytest.raises(SpecError, match=r"\(20, 1, 8, 8\), released \(19, 1, 8, 8\)"):
        recorded(samples, samples[:-1])
    with pytest.raises(SpecError, match="float64"):
        recorded(samples, samples.astype(np.float64))
    with pytest.raises(NotMeasurableError, match="1 of 3 samples were not recorded"):
        recorded(samples[:2], samples[:2]).transform(samples[:3])
    np.savez(tmp_path / "x.npz", originals=samples)
    with pytest.raises(SpecError, match="released is missing"):
        subject_of(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", originals=np.array([None, {}]), released=samples)
    with pytest.raises(SpecError, match=r"y\.npz is no"):
        subject_of(tmp_path / "y.npz")


def test_names_are_found(samples):
    assert subject_of(np.negative).name == "negative"
    assert subject_of(nn.Identity()).name == "Identity"
    assert subject_of(np.negative, "upside down").name == "upside down"
    with pytest.raises(SpecError, match="got a int"):
        subject_of(3)


def test_a_torch_module_gives_samples_and_gradients(samples):
    subject = subject_of(nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Unflatten(1, (1, 8, 8))))
    assert np.array_equal(subject.transform(samples), samples)
    assert torch.allclose(gradient(subject, samples), 2 * torch.tensor(samples))
