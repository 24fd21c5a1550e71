"""Run a command that never outlives the process that asked for it.

``guard.py SECONDS FILES COMMAND`` runs alone, without obfnet. The command and all it starts form
one process group. When the pipe on standard input ends, as it does when its other side dies, or a
byte comes, the group is told to stop, and killed after SECONDS. What is left of FILES, a pattern
or nothing, is removed in the end. Ends with the command's own status.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path


def main(seconds: float, leftovers: str, command: list[str]) -> int:
    """Run ``command`` until it ends or standard input does; returns its exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop() -> None:
        os.read(0, 1)
        _signal(process.pid, signal.SIGTERM)
        time.sleep(seconds)
        _signal(process.pid, signal.SIGKILL)

    threading.Thread(target=stop, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _signal(process.pid, signal.SIGTERM))
    # Looked at but not reaped, or its number could be another's before the rest is killed.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _signal(process.pid, signal.SIGKILL)
    status = process.wait()
    folder, _, pattern = leftovers.rpartition("/")
    for path in Path(folder).glob(pattern) if pattern else ():
        path.unlink(missing_ok=True)
    return status if status >= 0 else 128 - status  # as a shell has it


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, of a zombie
        os.killpg(group, number)


if __name__ == "__main__":
    os._exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))  # without waiting for the thread
