"""Ray Data on two cores beside decode_many with two workers: clips of 10 s, in six formats.

Once the samples come to the driver, as those of decode_many do; once only their lengths, as where
they are worked on in the tasks that decoded them.
"""

import logging
import sys
from functools import partial
from statistics import median

import numpy as np
import report
from corpus import CLIP_SECONDS, FORMATS, clips
from racing import no_collector, once, rotated

import pyffaudio
import pyffaudio.ray
import ray

WORKERS = 2
ROUNDS = 3
SECONDS = (
    6  # of decode_many, for which clips are repeated: what Ray takes to begin is not the subject
)
MANY = f"decode_many, {WORKERS} workers"
TO_DRIVER = "read_audio, samples to the driver"
IN_TASKS = "read_audio, samples left in the tasks"


def many(paths: list[str]) -> None:
    for audio in pyffaudio.decode_many(paths, num_workers=WORKERS):
        assert isinstance(audio, pyffaudio.Audio)
        assert len(audio.samples)


def to_driver(paths: list[str]) -> None:
    rows = 0
    for batch in pyffaudio.ray.read_audio(paths).iter_batches(batch_size=None):
        rows += sum(len(samples) > 0 for samples in batch["samples"])
    assert rows == len(paths)


def lengths(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"frames": np.array([len(samples) for samples in batch["samples"]])}


def in_tasks(paths: list[str]) -> None:
    dataset = pyffaudio.ray.read_audio(paths).map_batches(lengths, batch_size=None)
    rows = sum((batch["frames"] > 0).sum() for batch in dataset.iter_batches(batch_size=None))
    assert rows == len(paths)


def measure(paths: list[str]) -> dict[str, float]:
    """Median seconds of each, all in turn."""
    runs = {MANY: many, TO_DRIVER: to_driver, IN_TASKS: in_tasks}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(paths)  # starts the workers, has them import, and has the files in the page cache
    repeated = paths * round(max(SECONDS / once(partial(many, paths)), 1))
    with no_collector():
        for number in range(ROUNDS):
            for name in rotated(list(runs), number):
                seconds[name].append(once(partial(runs[name], repeated)))
    return {name: median(each) for name, each in seconds.items()}


def main() -> None:
    """Measure all formats and write them down."""
    ray.init(num_cpus=WORKERS, include_dashboard=False, logging_level="error", log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel("ERROR")
    corpus, results, rows = clips(), {}, []
    for suffix in sys.argv[1:] or FORMATS:
        seconds = measure([clip.path for clip in corpus[suffix]])
        results[suffix] = {name: seconds[MANY] / each for name, each in seconds.items()}
        print(suffix, seconds, file=sys.stderr, flush=True)
        rows.append([suffix, *(report.ratio(results[suffix][n]) for n in (TO_DRIVER, IN_TASKS))])
    lead = f"""Clips of {CLIP_SECONDS} s of speech, 16 kHz mono, so many that decode_many takes
{SECONDS} s, on a Ray of {WORKERS} cores in one machine: throughput in parts of that of
`{MANY}`, which has the same cores. Medians of {ROUNDS} rounds, with a warm page cache."""
    header = ["", *(each.replace("read_audio", "`read_audio`") for each in (TO_DRIVER, IN_TASKS))]
    report.write("ray", f"{lead}\n\n{report.table(header, rows)}", results)


if __name__ == "__main__":
    main()
