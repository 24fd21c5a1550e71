"""``obfnet edge`` as a person uses it, in processes of its own, against a real backend."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from obfnet.wire import encode_error

OBFNET = [sys.executable, "-c", "import sys; from obfnet.cli import main; sys.exit(main())", "edge"]
#: The same on a disk that takes no more bytes.
FULL = """
import resource, sys
from obfnet.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
sys.argv = ["obfnet", "edge", *sys.argv[1:]]
sys.exit(main())
"""
AWAY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def device(make, tmp_path_factory):
    """Options of a device that has its bundle and trusts its key."""
    path = tmp_path_factory.mktemp("device") / "device-0.obfnet"
    make.codebooks(4).save(path)
    return ["--bundle", str(path), "--key", str(make.key.public), "--device", "device-0"]


@pytest.fixture
def edge():
    def edge(*arguments, **environment):
        return subprocess.run(
            [*OBFNET, *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )

    return edge


def test_send_prints_an_answer_in_each_line(edge, device, relay, tmp_path, samples, labels):
    np.save(tmp_path / "one.npy", samples[0])
    np.save(tmp_path / "more.npy", samples[:3])
    files = [tmp_path / "one.npy", tmp_path / "more.npy"]
    run = edge("send", *files, *device, "--url", relay.url, "--batch", "2")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        f"{files[0]}: {labels[0]}",
        *(f"{files[1]}[{place}]: {labels[place]}" for place in range(3)),
    ]
    assert len(relay.posts) == 3
    assert all(each.tobytes() not in relay.received for each in samples[:3])


def test_what_waits_is_sent_when_the_backend_is_back(edge, device, scripted, tmp_path, samples):
    np.save(tmp_path / "x.npy", samples[:2])
    queue = ["--queue", tmp_path / "waiting", "--attempts", "1", "--json"]
    first = edge("send", tmp_path / "x.npy", *device, "--url", AWAY, *queue)
    assert first.returncode == 1
    assert "once the backend was there" in first.stderr
    there = ["send", tmp_path / "x.npy", *device, "--url", scripted.url, *queue]
    assert edge(*there).returncode == 0
    other = edge("send", tmp_path / "x.npy", *device, "--url", AWAY, *queue)
    assert "once the backend was there" in other.stderr  # this one never was
    scripted.deaf = True
    away = edge(*there)
    assert away.returncode == 4
    kept = [json.loads(line)["kept"] for line in away.stdout.splitlines()]
    assert len(kept) == 2
    scripted.deaf = False
    back = edge(*there)
    assert back.returncode == 0
    said = [json.loads(line) for line in back.stdout.splitlines()]
    assert [each["labels"] for each in said] == [[1]] * 4
    assert [each["name"].startswith(name) for each, name in zip(said, kept, strict=False)]


def test_what_still_waits_or_was_given_up_is_told_by_the_status(
    edge, device, scripted, answer, tmp_path, samples
):
    np.save(tmp_path / "x.npy", samples[0])
    command = ["send", tmp_path / "x.npy", *device, "--queue", tmp_path / "waiting"]
    command += ["--url", scripted.url, "--attempts", "1"]
    scripted.answers = [None]
    assert edge(*command).returncode == 4
    refused = answer.http(*encode_error("not this one"), "422 Unprocessable")
    for status in (4, 4, 1):
        scripted.answers = [refused]
        run = edge(*command)
        assert "not this one" in (run.stdout if status == 1 else run.stderr)
        assert run.returncode == status
    assert edge(*command).returncode == 0


def test_another_start_than_the_remembered_is_an_error(edge, device, relay, tmp_path, samples):
    np.save(tmp_path / "x.npy", samples[0])
    common = ["--url", relay.url, "--state", tmp_path / "trust.json"]
    assert edge("send", tmp_path / "x.npy", *device, *common).returncode == 0
    before = len(relay.requests)
    for changed in (["--infnet", "e" * 64], ["--key", "1" * 64]):
        run = edge("send", tmp_path / "x.npy", *device, *common, *changed)
        assert run.returncode == 1
        assert "remembers a start" in run.stderr
    assert len(relay.requests) == before


def test_a_full_disk_does_not_keep_what_waits(edge, device, backend, tmp_path, samples, labels):
    np.save(tmp_path / "x.npy", samples[0])
    queue = tmp_path / "waiting"
    command = ["send", tmp_path / "x.npy", *device, "--queue", queue, "--attempts", "1"]
    command += ["--state", tmp_path / "trust.json", "--url"]
    assert edge(*command, backend).returncode == 0
    (queue / "agreed.json").rename(tmp_path / "agreed.json")
    full = [sys.executable, "-c", FULL, *map(str, [*command, backend])]
    first = subprocess.run(full, capture_output=True, text=True, timeout=60, check=False)
    assert "warning: a start while" in first.stderr
    assert (first.returncode, first.stdout) == (0, f"{tmp_path / 'x.npy'}: {labels[0]}\n")
    (tmp_path / "agreed.json").rename(queue / "agreed.json")
    second = subprocess.run(full, capture_output=True, text=True, timeout=60, check=False)
    assert (second.returncode, second.stderr) == (0, "")


def test_options_reach_the_client(edge, device, relay, tmp_path, samples, labels):
    np.save(tmp_path / "x.npy", samples[0])
    (tmp_path / "token").write_text("from-file\n")
    pinned = ["--picker", "pinned", "--pin-key", tmp_path / "pin.key", "--runtime", "numpy"]
    state = ["--state", tmp_path / "trust.json", "--model", "in fnet 100%"]
    run = edge(
        *("send", tmp_path / "x.npy", *device, "--url", relay.url, *pinned, *state),
        *("--policy", "never", "--token-file", tmp_path / "token"),
    )
    assert run.stdout == f"{tmp_path / 'x.npy'}: {labels[0]}\n", run.stderr
    assert samples[0].tobytes() in relay.received  # the policy said so
    assert b"Authorization: Bearer from-file" in relay.received
    assert b"/in%20fnet%20100%25/infer" in relay.received
    assert len((tmp_path / "pin.key").read_bytes()) == 32
    assert json.loads((tmp_path / "trust.json").read_text())["least_version"] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--url", AWAY, "--attempts", "1"], "away or busy in 1 attempts"),
        (["--key", "1" * 64], "no reason to trust"),
        (["--device", "device-1"], "this is 'device-1'"),
        (["--policy", "sometimes"], "no policy 'sometimes'"),
        (["--picker", "pinned"], "with --pin-key"),
        (["--runtime", "abacus"], "no runtime 'abacus'"),
        (["--token-env", "A", "--token-file", "b"], "got both"),
        (["--token-env", "OBFNET_NO_TOKEN"], "source failed with KeyError"),
        (["--ca", "absent.pem"], "expected https://"),
        (["--bundle", "absent"], "cannot be read"),
        (["--model", "wide"], "is this the InfNet"),
    ],
)
def test_errors_are_one_line_and_nothing_is_sent(
    edge, device, relay, tmp_path, samples, changes, message
):
    np.save(tmp_path / "x.npy", samples[0])
    place = device.index(changes[0]) if changes[0] in device else None
    usual = device if place is None else device[:place] + device[place + 2 :]
    url = [] if changes[0] == "--url" else ["--url", relay.url]
    run = edge("send", tmp_path / "x.npy", *usual, *url, *changes)
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert not relay.posts


def test_a_bad_file_does_not_stop_the_others(edge, device, backend, tmp_path, samples, labels):
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.save(tmp_path / "good.npy", samples[0])
    run = edge("send", tmp_path / "bad.npy", tmp_path / "good.npy", *device, "--url", backend)
    assert run.returncode == 1
    assert "bad.npy cannot be read" in run.stderr
    assert run.stdout == f"{tmp_path / 'good.npy'}: {labels[0]}\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_answers_until_it_is_told_to_stop(device, backend, tmp_path, samples, labels, number):
    folder = tmp_path / "samples"
    folder.mkdir()
    with subprocess.Popen(
        [*OBFNET, "watch", str(folder), *device, "--url", backend, "--every", "0.05", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background makes them, and their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            assert process.stderr.readline().startswith("watching")
            np.save(folder / "x.npy", samples[:3])
            said = json.loads(process.stdout.readline())
            process.send_signal(number)
            _, rest = process.communicate(timeout=30)
        finally:
            process.kill()
    assert said == {"file": "x.npy", "labels": labels[:3].tolist()}
    assert json.loads((folder / "x.npy.answer.json").read_text()) == said
    assert process.returncode == 0
    assert rest == "stopped; 0 messages wait\n"


def test_bench_needs_no_backend(edge, device):
    run = edge("bench", device[1], *device[2:], "--samples", "50", "--json", "--runtime", "numpy")
    said = json.loads(run.stdout)
    assert (said["samples"], said["obfnets"], said["runtime"]) == (50, 4, "numpy")
    assert said["median_us"] > 0
    text = edge("bench", device[1], *device[2:], "--samples", "50").stdout
    assert "median" in text
    assert "onnxruntime" in text


def test_nothing_of_it_loads_torch(device, backend, tmp_path, samples):
    np.save(tmp_path / "x.npy", samples[0])
    code = (
        "import sys; from obfnet.cli import main\n"
        "for command in sys.argv[1].split('|'):\n"
        "    sys.argv = ['obfnet', 'edge', *command.split('~')]\n"
        "    assert main() == 0, command\n"
        "unwanted = {'torch', 'sklearn', 'scipy', 'onnx', 'librosa', 'starlette'}\n"
        "sys.exit(str(sorted(unwanted & set(sys.modules))) if unwanted & set(sys.modules) else 0)"
    )
    commands = (
        ["send", str(tmp_path / "x.npy"), *device, "--url", backend],
        ["bench", device[1], *device[2:], "--samples", "5"],
    )
    text = "|".join("~".join(each) for each in commands)
    run = subprocess.run(
        [sys.executable, "-c", code, text], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
