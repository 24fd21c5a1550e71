"""A real headless browser, driven over a pipe by the DevTools protocol: no driver, no packages."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 120  # seconds, on a busy machine


def find_browser():
    """Path of a browser, or None."""
    return os.environ.get("OBFNET_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def page():
    """One tab of a browser of its own; skips where there is no browser."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser: install chromium, or name one in OBFNET_BROWSER")
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()

    def place():  # in the child: 3 is what it reads, 4 is what it writes
        os.dup2(to_browser, 63)
        os.dup2(to_us, 64)
        os.dup2(63, 3)
        os.dup2(64, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                path,
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--allow-pre-commit-input",  # or keys pressed before the first frame are lost
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            close_fds=False,
        )
        os.close(to_browser)
        os.close(to_us)
        with os.fdopen(from_us, "wb", buffering=0) as sink, os.fdopen(from_browser, "rb") as source:
            try:
                yield Page(sink, source)
            finally:
                process.terminate()
                process.wait(30)


class Page:
    """A tab: what a person does with keyboard and eyes."""

    def __init__(self, sink, source):
        self._sink, self._source, self._count, self._session = sink, source, 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method, **arguments):
        """Ask the browser and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        self._sink.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def evaluate(self, expression):
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def wait(self, condition):
        """Until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.evaluate(condition):
                return
            time.sleep(0.02)
        raise AssertionError(f"never came true: {condition}; {self.evaluate('document.title')}")

    def press(self, key):
        """Press and release one key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9}.get(key, ord(key[0]))
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )

    def named(self, role):
        """What a screen reader calls each thing of this role, in order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            node["name"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] == role
        ]

    def _read(self):
        content = bytearray()
        while (one := self._source.read(1)) != b"\0":
            assert one, "the browser went away"
            content += one
        return bytes(content)
