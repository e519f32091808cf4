"""Promise: a dataset has each file once, as decode_file gives it, whatever becomes of workers."""

import doctest
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import ray.data

import pyffaudio
import pyffaudio.ray
import ray
from loopback import serving
from media import Media
from pyffaudio.ray import _decode_paths, _Owner, decode_column, read_audio
from signals import full_range
from test_docs import blocks, check_python, folder
from wav_bytes import wav_bytes

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray warns of itself
__all__ = ["folder"]  # the fixture
KINDS = ["wav_s16", "flac_16", "mp3", "vorbis", "m4a"]


def write(folder: Path, lengths: list[int], channels: int = 1) -> list[Path]:
    """WAV files of noise, each of its own length and seed."""
    folder.mkdir(exist_ok=True)
    paths = []
    for seed, frames in enumerate(lengths):
        paths.append(folder / f"{seed:04}.wav")
        paths[-1].write_bytes(wav_bytes(full_range(frames, channels, "int16", seed), 8000))
    return paths


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A Ray of two cores; on a busy machine, one of its parts may come too late for it."""
    how = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 200 << 20}
    for left in (2, 1, 0):
        try:
            ray.init(**how, logging_level="error", log_to_driver=False)
            break
        except Exception as error:
            ray.shutdown()
            if left == 0 or "timed out during startup" not in str(error):
                raise
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel("ERROR")
    yield
    ray.shutdown()


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8", "float64"])
@pytest.mark.parametrize("channels_first", [False, True])
def test_rows_are_what_decode_file_gives(
    media: Media, tmp_path: Path, dtype: Any, channels_first: bool
) -> None:
    """Of all lengths and channels, an empty one too, through Arrow and back, bit for bit."""
    options = {"dtype": dtype, "channels_first": channels_first}
    paths = [media[name] for name in KINDS] + write(tmp_path, [1, 70_000, 0, 3])
    rows = list(read_audio(paths, **options).iter_rows())
    assert [row["path"] for row in rows] == list(map(str, paths))
    for row, path in zip(rows, paths, strict=True):
        expected = pyffaudio.decode_file(path, **options)
        assert row["samples"].dtype == expected.samples.dtype
        np.testing.assert_array_equal(row["samples"], expected.samples)
        assert (row["sample_rate"], row["error"]) == (expected.sample_rate, None)


def test_a_damaged_file_is_a_row(media: Media, tmp_path: Path) -> None:
    good, cut, page = write(tmp_path, [100, 1000, 1])
    cut.write_bytes(cut.read_bytes()[:1044])
    page.write_text("<!DOCTYPE html><html>")
    paths = [good, cut, tmp_path / "none.wav", page, good]
    rows = list(read_audio(paths).iter_rows())
    kinds = [row["error"] and row["error"].partition(":")[0] for row in rows]
    wrong = ["CorruptAudioError", "FileNotFoundError", "UnsupportedFormatError"]
    assert kinds == [None, *wrong, None]
    assert [row["samples"].shape for row in rows] == [(100, 1), *[(0, 0)] * 3, (100, 1)]
    assert [row["sample_rate"] for row in rows] == [8000, 0, 0, 0, 8000]
    (part,) = read_audio([cut], on_error="partial").iter_rows()
    assert part["samples"].shape == (500, 1)
    assert part["error"] == "truncated at frame 500"
    assert [row["samples"].shape for row in read_audio([page] * 3).iter_rows()] == [(0, 0)] * 3


def test_a_column_of_bytes(media: Media, tmp_path: Path) -> None:
    paths = [media[name] for name in KINDS]
    data = [path.read_bytes() for path in paths] + [None, b"", b"<!DOCTYPE html><html>"]
    for kind in (pa.binary(), pa.large_binary()):
        table = pa.table(
            {"id": range(len(data)), "audio": pa.array(data, kind), "text": ["x"] * len(data)}
        )
        dataset = decode_column(ray.data.from_arrow(table), "audio", sample_rate=16000)
        rows = list(dataset.iter_rows())
        assert list(rows[0]) == ["id", "audio", "text", "sample_rate", "error"]
        assert [row["id"] for row in rows] == list(range(len(data)))
        for row, path in zip(rows, paths, strict=False):
            expected = pyffaudio.decode_file(path, sample_rate=16000).samples
            np.testing.assert_array_equal(row["audio"], expected)
        assert [bool(row["error"]) for row in rows] == [False] * len(paths) + [True] * 3
        assert {row["text"] for row in rows} == {"x"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"other": [b""]}, "no column 'audio'"),
        ({"audio": ["/etc/hostname"]}, "is of string, not of bytes"),
        ({"audio": [b""], "error": [1]}, "'error' already"),
    ],
)
def test_a_column_that_cannot_be_decoded_is_an_error(table: Any, message: str) -> None:
    """A str is never taken for a path."""
    with pytest.raises(ray.exceptions.RayTaskError, match=message):
        decode_column(ray.data.from_arrow(pa.table(table)), "audio").take_all()


WRONG: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"sample_rat": 1}, TypeError),
    ({"sample_rate": -1}, ValueError),
    ({"dtype": None}, ValueError),
    ({"filters": "nothing=like:it"}, pyffaudio.FilterError),
    ({"filters": "highpass=f=200", "num_frames": 1}, ValueError),
]


@pytest.mark.parametrize(("options", "kind"), WRONG)
def test_a_wrong_option_is_an_error_here(options: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_audio(["a.wav"], **options)
    with pytest.raises(kind):
        decode_column(ray.data.from_items([{"audio": b""}]), "audio", **options)


def test_wrong_arguments_are_errors_here(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="override_num_blocks"):
        read_audio(["a.wav"], override_num_blocks=2)
    with pytest.raises(FileNotFoundError, match=r"none\*\.wav"):
        read_audio(tmp_path / "none*.wav")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_audio([os.fsdecode(b"\xff.wav")])
    with pytest.raises(ValueError, match="Protocol not known"):
        read_audio(["nothing-like-it://a.wav"])
    with pytest.raises(TypeError, match="column must be a str"):
        decode_column(ray.data.from_items([{"audio": b""}]), 1)  # type: ignore[arg-type]


def test_patterns_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is taken as it is, and one name as a pattern, unless it is that of a file."""
    paths = [*write(tmp_path, [1, 2]), *write(tmp_path / "deep", [3])]
    odd = tmp_path / "[0].wav"
    odd.write_bytes(paths[0].read_bytes())

    def names(dataset: Any) -> list[str]:
        return [row["path"] for row in dataset.iter_rows() if row["error"] is None]

    assert names(read_audio(f"{tmp_path}/0*.wav")) == list(map(str, paths[:2]))
    assert names(read_audio(tmp_path / "**" / "00*.wav")) == sorted(map(str, paths))
    assert names(read_audio(odd)) == [str(odd)]
    monkeypatch.chdir(tmp_path)
    assert names(read_audio(["0001.wav", "[0].wav"])) == [str(paths[1]), str(odd)]
    assert names(read_audio([f"{tmp_path}/0*.wav"])) == []
    assert read_audio([]).count() == 0


def test_urls(tmp_path: Path) -> None:
    frames = full_range(500, 1, "int16")
    (path,) = write(tmp_path, [100])
    with serving({"/a.wav": wav_bytes(frames, 8000)}) as server:
        paths = [f"{server.url}/a.wav", f"{server.url}/none.wav", str(path)]
        rows = list(read_audio(paths, dtype="int16").iter_rows())
    np.testing.assert_array_equal(rows[0]["samples"], frames)
    assert rows[1]["error"].startswith("FileNotFoundError: ")
    assert server.url in rows[1]["error"]
    assert rows[2]["samples"].shape == (100, 1)
    (row,) = read_audio(f"file://{tmp_path}/0*.wav").iter_rows()
    assert row["samples"].shape == (100, 1)


def test_workers_that_are_killed_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is there once, whole, though two workers die with a part of their work given."""
    lengths = [100_000 + index for index in range(200)]
    paths = write(tmp_path, lengths)
    deaths = [tmp_path / "first", tmp_path / "second"]

    def sums(batch: dict[str, Any]) -> dict[str, Any]:
        calls = vars(sys).setdefault("calls_by_task", Counter())
        task = ray.get_runtime_context().get_task_id()
        calls[task] += 1
        due = [death for death in deaths if not death.exists()]
        if calls[task] == 3 and due:
            due[0].touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {
            "path": batch["path"],
            "frames": np.array([len(samples) for samples in batch["samples"]]),
            "sum": np.array([np.rint(samples.sum() * 2**15) for samples in batch["samples"]]),
        }

    monkeypatch.setattr(ray.data.DataContext.get_current(), "target_max_block_size", 8 << 20)
    dataset = read_audio(paths, dtype="float64", override_num_blocks=2)
    rows = dataset.map_batches(sums, batch_size=None).take_all()
    assert all(death.exists() for death in deaths)
    assert Counter(row["path"] for row in rows) == Counter(map(str, paths))
    for row in rows:
        index = int(Path(row["path"]).stem)
        assert row["frames"] == lengths[index]
        assert row["sum"] == full_range(lengths[index], 1, "int16", index).sum(dtype="int64")


def test_more_than_memory_streams_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times what the object store holds comes through it, and no block is large."""
    (path,) = write(tmp_path, [1_000_000])
    store = ray.cluster_resources()["object_store_memory"]
    count = int(3 * store / (8 * 1_000_000)) + 1
    monkeypatch.setattr(ray.data.DataContext.get_current(), "target_max_block_size", 16 << 20)
    blocks = 0
    total = 0
    for batch in read_audio([path] * count, dtype="float64").iter_batches(
        batch_size=None, batch_format="pyarrow"
    ):
        blocks += 1
        total += batch.num_rows
        assert batch.nbytes < 32 << 20
        assert batch["samples"].num_chunks == 1  # Ray had none to put together
    assert total == count
    assert blocks > 10


def test_memory_of_a_block_is_used_again_only_when_nobody_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All blocks of a task, kept: each has its own samples, one of more than a block too."""
    monkeypatch.setattr(ray.data.DataContext.get_current(), "target_max_block_size", 1 << 20)
    paths = write(tmp_path, [100_000 + index for index in range(20)])
    paths += write(tmp_path / "long", [700_000]) + paths
    table = pa.table({"path": list(map(str, paths))})
    blocks = list(_decode_paths(table, None, {}))
    assert len(blocks) > 10
    samples = [each for block in blocks for each in block["samples"].combine_chunks().to_numpy()]
    for found, path in zip(samples, paths, strict=True):
        np.testing.assert_array_equal(found, pyffaudio.decode_file(path).samples)
    _Owner.free.clear()
    del blocks, samples, found
    assert len(_Owner.free) == 2


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[ray\]"):
        read_audio(["a.wav"])
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[ray\]"):
        decode_column(None, "audio")


@pytest.mark.parametrize("code", blocks("python", with_ray=True))
def test_examples_of_documents(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Programs of their own, on the Ray that is there: to start another takes half a minute."""
    monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    check_python(folder, code)


def test_examples_of_docstrings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    failed, attempted = doctest.testmod(pyffaudio.ray)
    assert failed == 0
    assert attempted > 4
