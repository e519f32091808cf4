"""Audio: what decoding gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pyffaudio.info import AudioInfo
from pyffaudio.issues import Issue

if TYPE_CHECKING:
    import torch as _torch
    from matplotlib.axes import Axes

Samples: TypeAlias = np.ndarray[tuple[Any, ...], np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Audio:
    """Decoded samples, their rate, and what was found on the way.

    Unpacks as ``samples, sample_rate = audio``. NumPy, PyTorch and DLPack share its memory.

    Attributes
    ----------
    samples : numpy.ndarray
        Always 2-D: ``(frames, channels)``, or ``(channels, frames)`` with `channels_first`. The one
        exception is a 1-D array given to `decode_into`.
    sample_rate : int
        In Hz.
    issues : tuple of Issue
        Irregularities met in the part that was read.
    complete : bool or None
        False if audio is known to be missing, True if all that the container promises is there,
        None if this format (or a segment) cannot tell.
    more : bool
        Whether audio goes on beyond what was asked for or fitted.
    channels_first : bool
        The layout of `samples`.
    info : AudioInfo
        What the file said of itself.

    Examples
    --------
    >>> import pyffaudio
    >>> samples, sample_rate = pyffaudio.decode_file("tone.wav")
    >>> samples.shape, samples.dtype, sample_rate
    ((800, 2), dtype('float32'), 8000)
    """

    samples: Samples
    sample_rate: int
    _tell_info: Callable[[], AudioInfo] = field(repr=False)
    issues: tuple[Issue, ...] = ()
    complete: bool | None = None
    more: bool = False
    channels_first: bool = False

    def __iter__(self) -> Iterator[Any]:
        yield self.samples
        yield self.sample_rate

    @cached_property
    def info(self) -> AudioInfo:
        """What the file said of itself."""
        # As late as this: to build it takes as long as decoding a tenth of a second, and few ask.
        return self._tell_info()

    @property
    def num_frames(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[-1 if self.channels_first else 0])

    @property
    def num_channels(self) -> int:
        """Channels; 1 for a 1-D array."""
        if self.samples.ndim == 1:
            return 1
        return int(self.samples.shape[0 if self.channels_first else 1])

    @property
    def duration_seconds(self) -> float:
        """Length of `samples` in seconds."""
        return self.num_frames / self.sample_rate

    def torch(self, channels_first: bool = False) -> _torch.Tensor:
        """A tensor on the memory of `samples`, in either layout (``pip install pyffaudio[torch]``).

        Parameters
        ----------
        channels_first
            True: ``(channels, frames)``, as in torchaudio; a view whatever the layout of `samples`.

        Raises
        ------
        ImportError
            PyTorch is not installed.
        """
        try:
            import torch  # noqa: PLC0415 - only who asks for tensors pays for it
        except ImportError as error:
            raise ImportError("Audio.torch needs PyTorch: pip install pyffaudio[torch]") from error
        tensor = torch.from_numpy(self.samples)
        return tensor.T if tensor.ndim == 2 and channels_first != self.channels_first else tensor

    def plot(
        self,
        kind: Literal["waveform", "spectrogram"] = "waveform",
        ax: Axes | None = None,
        *,
        n_fft: int | None = None,
        **style: Any,
    ) -> Axes:
        """Draw the samples with matplotlib (``pip install pyffaudio[plot]``).

        Parameters
        ----------
        kind : str
            ``"waveform"`` (default): amplitude over seconds; of long audio the least and greatest
            sample of each of 2000 columns, so that no peak is lost. ``"spectrogram"``: dBFS over
            seconds and Hz; 0 dBFS is a sine of full scale, channels are averaged by their power,
            and where windows are many a column shows the loudest of its own.
        ax : matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure.
        n_fft : int, optional
            Frames in a window of the spectrogram. Default: the power of two next to 32 ms.
        **style
            For matplotlib's ``plot`` or ``fill_between``, or ``imshow``: ``color="k"``,
            ``cmap="gray"``, ``vmin=-80``.

        Returns
        -------
        matplotlib.axes.Axes
            What was drawn on.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        ValueError
            There is no such `kind`, or `n_fft` is too small.

        Examples
        --------
        >>> import pyffaudio
        >>> ax = pyffaudio.decode_file("tone.wav").plot("spectrogram")
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('time (s)', 'frequency (Hz)')
        """
        from pyffaudio.plot import plot  # noqa: PLC0415 - for those who look

        return plot(self, kind, ax, n_fft, style)

    def _repr_html_(self) -> str:
        """What a notebook shows: a player, the waveform and facts (docs/notebooks.md)."""
        from pyffaudio.notebook import html_of  # noqa: PLC0415 - for those who look

        return html_of(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Samples:
        if copy is None:
            return np.asarray(self.samples, dtype=dtype)
        if not copy and dtype is not None and np.dtype(dtype) != self.samples.dtype:
            raise ValueError(f"{self.samples.dtype} to {dtype} needs a copy")
        return np.array(self.samples, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        return self.samples.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.samples.__dlpack_device__()
