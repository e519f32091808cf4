"""Promise: an object store of S3's kind is read in ranges, by s3fs, and its errors are OSErrors."""

from collections.abc import Iterator
from typing import Any

import boto3
import fsspec
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

import pyffaudio
from pyffaudio import remote
from signals import full_range
from wav_bytes import wav_bytes

FRAMES = full_range(1_000_000, 2, "int16")


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, Any]]:
    """The storage options of a bucket with three objects."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="bucket")
    for name in ("a.wav", "b.wav", "c.txt"):
        client.put_object(Bucket="bucket", Key=f"in/{name}", Body=wav_bytes(FRAMES, 8000))
    yield {"key": "key", "secret": "secret", "client_kwargs": {"endpoint_url": endpoint}}
    client.close()
    server.stop()


def test_whole_and_part(store: dict[str, Any]) -> None:
    url = "s3://bucket/in/a.wav"
    whole = remote.decode(url, storage_options=store, dtype="int16")
    np.testing.assert_array_equal(whole.samples, FRAMES)
    part = remote.decode(url, storage_options=store, dtype="int16", frame_offset=900_000)
    np.testing.assert_array_equal(part.samples, FRAMES[900_000:])
    assert remote.probe(url, storage_options=store).num_frames == 1_000_000


def test_a_pattern(store: dict[str, Any]) -> None:
    found = remote.files("s3://bucket/in/*.wav", storage_options=store)
    assert [file.name for file in found] == ["s3://bucket/in/a.wav", "s3://bucket/in/b.wav"]
    for audio in pyffaudio.decode_many(found, dtype="int16"):
        assert isinstance(audio, pyffaudio.Audio)
        np.testing.assert_array_equal(audio.samples, FRAMES)


@pytest.mark.parametrize("url", ["s3://bucket/none.wav", "s3://no-bucket/a.wav"])
def test_what_is_not_there(store: dict[str, Any], url: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        remote.decode(url, storage_options=store)
    assert caught.value.filename == url


def test_an_object_that_is_replaced_is_an_error(store: dict[str, Any]) -> None:
    """It is of the same size: s3fs asks for what was there when it was opened."""
    url = "s3://bucket/in/b.wav"
    with remote.reader(url, storage_options=store) as reader:
        reader.read(10)
        other = wav_bytes(full_range(1_000_000, 2, "int16", seed=1), 8000)
        fsspec.filesystem("s3", **store).pipe("bucket/in/b.wav", other)
        reader.seek(900_000)
        with pytest.raises(OSError, match=r"bucket/in/b\.wav") as caught:
            reader.read(10)
    assert caught.value.filename == url
