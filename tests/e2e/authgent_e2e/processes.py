"""Starting, watching and stopping the programs of a journey."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2

START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOG_LINES_IN_ERROR = 20


class ProcessFailed(Exception):
    """A program ended, or did not answer, when it should have run."""


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Process:
    """A program that runs for a while, in its own process group, with its output in a file."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str] | None,
        log: Path,
        folder: Path,
        stdin: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._output = log.open("ab")
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if stdin is not None:
            self._process.stdin.write(stdin.encode())
            self._process.stdin.close()

    def wait_for(self, url: str) -> None:
        """Wait until `url` answers 200; raise with the end of the log if it does not."""
        deadline = time.monotonic() + START_SECONDS
        last = "no answer"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ProcessFailed(f"{self.name} ended with status {self._process.returncode}\n{self._end_of_log()}")
            try:
                status = httpx2.get(url, timeout=5).status_code
                if status == httpx2.codes.OK:
                    return
                last = f"HTTP {status}"
            except httpx2.TransportError as error:
                last = str(error)
            time.sleep(0.1)
        raise ProcessFailed(f"{self.name}: {url} not ready after {START_SECONDS:.0f} s: {last}\n{self._end_of_log()}")

    def stop(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._output.close()

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES_IN_ERROR:])


@dataclass(frozen=True)
class Finished:
    """How a program ended and what it said."""

    status: int
    out: str
    err: str


async def finish(
    *command: str | Path, seconds: float, stdin: str = "", env: dict[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """Run a program to its end. It does not outlive this call, nor `seconds`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), seconds)
    except TimeoutError:
        raise ProcessFailed(f"{Path(command[1]).name} did not end within {seconds:.0f} s") from None
    finally:
        await end(process)
    return Finished(process.returncode, out.decode(), err.decode())


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a program that was started in a process group of its own, if it still runs."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
