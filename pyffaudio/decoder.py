"""What every backend's decoder can do: all that is not an extension is made of this."""

from __future__ import annotations

from typing import Any, Protocol, Self


class Output(Protocol):
    """What frames come from, as far as the limits are concerned."""

    @property
    def description(self) -> str:
        """The source in words, never its data."""

    @property
    def sample_rate(self) -> int:
        """Of what comes out, in Hz."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame of what comes out."""


class Decoder(Output, Protocol):
    """An open audio stream, of FFmpeg or of libsox; frames are counted at the output rate."""

    @property
    def dtype(self) -> str:
        """Of what `read_into` fills."""

    @property
    def position(self) -> int:
        """Frames read or skipped so far."""

    @property
    def num_channels(self) -> int:
        """Of what comes out."""

    @property
    def claimed_frames(self) -> int | None:
        """How many there are by the file's word."""

    @property
    def input_bytes(self) -> int | None:
        """Size of the source, where it is known."""

    @property
    def md5(self) -> str:
        """Of the samples, where the file states it; else empty."""

    @property
    def complete(self) -> bool | None:
        """False: audio is known to be missing; True: all that was promised came; None: unknown."""

    @property
    def issues(self) -> list[tuple[str, int, int]]:
        """Code, frame offset and frames of each irregularity so far."""

    def most_parts(self, sample_bytes: int, /) -> int:
        """Into how many parts, for decoders of their own, the stream may be divided.

        The limits have room for these, beside so many bytes of samples.
        """

    def read_into(self, out: Any) -> int:
        """Fill a (frames, channels) array; fewer frames mean the end, or a fault to be raised."""

    def skip(self, num_frames: int) -> int:
        """Drop frames; answers how many there were."""

    def seek(self, frame: int) -> int:
        """Go to a frame, or to the end if that comes before; answers the position reached."""

    def count(self) -> int | None:
        """Frames of the whole, where that takes no decoding."""

    def begin_call(self) -> None:
        """Let the timeout, which is that of one call, begin now."""

    def forget_samples(self) -> None:
        """Let what has been read in this call no longer count: the caller does not keep it."""

    def describe(self) -> dict[str, Any]:
        """What the file says of itself, for AudioInfo."""

    def close(self) -> None:
        """Release everything."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
