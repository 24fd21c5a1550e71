"""Settings come from flags, the environment and a file, which win in that order."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from obfnet.cli.app import app
from obfnet.errors import SpecError
from obfnet.serving.settings import Settings, as_toml, environment, gather

FILE = 'repository = "models"\nport = 1\nhost = "::1"\ntimeout = 2\naccept_nan = true\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "serve.toml"
    path.write_text(FILE)
    return path


def test_who_wins(file):
    environ = {"OBFNET_SERVE_PORT": "2", "OBFNET_SERVE_HOST": "0.0.0.0", "OTHER": "x"}
    settings, sources = gather({"port": 3}, environ, file)
    told = {"port": 3, "host": "0.0.0.0", "timeout": 2, "accept_nan": True}
    assert settings == Settings(Path("models"), **told)
    assert sources["port"] == "flag"
    assert sources["host"] == "environment"
    assert sources["timeout"] == str(file)
    assert "drain" not in sources


def test_file_named_by_the_environment(file):
    settings, _ = gather({}, {"OBFNET_SERVE_CONFIG": str(file)})
    assert settings.port == 1


@pytest.mark.parametrize(
    "settings",
    [
        Settings(Path("a b/ü")),
        Settings(Path("m"), accept_nan=True, batch_wait=0.5, certificate=Path("c"), key=Path("k")),
    ],
)
def test_written_settings_read_back(settings, tmp_path):
    assert gather({}, environment(settings))[0] == settings
    path = tmp_path / "all.toml"
    path.write_text(as_toml(settings, {}), "utf-8")
    assert gather({}, {}, path)[0] == settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("port =", "no TOML file of settings"),
        ("prt = 1", "sets 'prt', which is none of repository, host"),
        ('port = "many"', "sets port to 'many', expected int"),
        ("port = 1.5", "sets port to 1.5, expected int"),
        ("port = true", "sets port to True, expected int"),
        ("accept_nan = 1", "sets accept_nan to 1, expected bool"),
        ("host = 1", "sets host to 1, expected str"),
        ("key = 1", "sets key to 1, expected Path"),
        ('key = "k"', "TLS needs all"),
        ("timeout = nan", "timeout is nan"),
        ("threads = -1", "threads is -1"),
        ("", "no repository"),
    ],
)
def test_bad_file(tmp_path, text, says):
    path = tmp_path / "serve.toml"
    path.write_text(text)
    given = {} if text == "" else {"repository": "m"}
    with pytest.raises(SpecError, match=says):
        gather(given, {}, path)


def test_unknown_variable():
    with pytest.raises(SpecError, match="environment sets 'prot'"):
        gather({"repository": "m"}, {"OBFNET_SERVE_PROT": "1"})


def test_no_such_file(tmp_path):
    with pytest.raises(SpecError, match="No such file"):
        gather({}, {}, tmp_path / "none.toml")


def test_command_line_shows_its_settings(file, monkeypatch):
    monkeypatch.setenv("OBFNET_SERVE_MAX_QUEUE", "7")
    arguments = ["serve", "m", "--config", str(file), "--port", "9", "--no-accept-nan"]
    found = CliRunner().invoke(app, [*arguments, "--show-config"])
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert 'repository = "m"  # flag' in lines
    assert "port = 9  # flag" in lines
    assert "accept_nan = false  # flag" in lines
    assert "max_queue = 7  # environment" in lines
    assert f"timeout = 2  # {file}" in lines
    assert "drain = 10  # default" in lines
    assert "# tokens is not set" in lines


def test_an_engine_refuses_what_it_would_leave_out(monkeypatch, tmp_path):
    """Tokens that were asked for, wherever, and then not checked would be an open door."""
    monkeypatch.setenv("OBFNET_SERVE_TOKENS", "tokens.txt")
    found = CliRunner().invoke(app, ["serve", str(tmp_path), "--engine", "triton"])
    assert isinstance(found.exception, SpecError)
    assert "tokens: settings of the embedded server" in str(found.exception)


def test_every_setting_is_an_option_with_a_text():
    found = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    for each in fields(Settings)[1:]:
        assert f"--{each.name.replace('_', '-')}" in found.output


def test_command_line_needs_no_server_to_show_its_options():
    code = "import sys, obfnet.cli.app; print({'starlette', 'onnxruntime'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
