"""How long Ctrl-C takes to end a decode: `python benchmarks/interrupt.py`.

Each child decodes what has no end; it is sent SIGINT, and tells when KeyboardInterrupt arrived.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 9
PRELUDE = """
import sys, time
import pyffaudio
path, fifo = sys.argv[1:]
raw = {"format": "s16le", "format_options": {"sample_rate": 192000, "channels": 2}}
def data():
    import mmap
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
print("decoding", flush=True)
try:
    CALL
except KeyboardInterrupt:
    print(time.monotonic())
"""
CALLS = {
    "a path": "pyffaudio.decode_file(path, **raw)",
    "bytes, resampled": "pyffaudio.decode_bytes(data(), sample_rate=1000, **raw)",
    "a stalled FIFO": "pyffaudio.decode_file(fifo)",
}


def latency(call: str, arguments: list[str]) -> float:
    """Seconds from the signal to the exception."""
    command = [sys.executable, "-c", PRELUDE.replace("CALL", call), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.3)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        return float(child.stdout.readline()) - sent


def main() -> None:
    """Print one line per call."""
    with tempfile.TemporaryDirectory() as folder:
        path, fifo = os.path.join(folder, "silence"), os.path.join(folder, "fifo")
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        os.mkfifo(fifo)
        for name, call in CALLS.items():
            times = [1000 * latency(call, [path, fifo]) for _ in range(ROUNDS)]
            print(f"{name:17} median {statistics.median(times):5.1f} ms, most {max(times):5.1f} ms")


if __name__ == "__main__":
    main()
