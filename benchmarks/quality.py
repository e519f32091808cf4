"""How well resamplers resample: tones one by one, each fitted in what comes out.

swr is pyffaudio's, over libswresample; soxr is libsoxr through the same library, by the ffmpeg
command; soxr_hq is librosa's own choice.
"""

import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import report
from numpy.typing import NDArray

import pyffaudio

Signal = NDArray[np.float32]
Resample = Callable[[Signal, int, int], Signal]
SECONDS = 1
AMPLITUDE = 0.5
PASSBAND = 0.9  # of the lower Nyquist frequency
TONES = 40
RATES = ((44100, 16000), (48000, 16000), (16000, 48000))


@dataclass(frozen=True)
class Quality:
    """Decibels, and output samples by which the result is late."""

    ripple: float
    residual: float
    alias_at_nyquist: float | None
    alias_beyond: float | None
    delay: float


def by_swr(signal: Signal, rate: int, new: int) -> Signal:
    raw = {"sample_rate": rate, "channels": 1}
    audio = pyffaudio.decode_bytes(
        signal.tobytes(), format="f32le", format_options=raw, sample_rate=new
    )
    return audio.samples[:, 0]


def by_soxr(signal: Signal, rate: int, new: int) -> Signal:
    form = ["-f", "f32le", "-ac", "1"]
    command = ["ffmpeg", "-v", "error", *form, "-ar", str(rate), "-i", "-"]
    command += ["-af", f"aresample={new}:resampler=soxr", *form, "-"]
    done = subprocess.run(command, input=signal.tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, "float32")


def by_librosa(signal: Signal, rate: int, new: int) -> Signal:
    import librosa

    return np.asarray(librosa.resample(signal, orig_sr=rate, target_sr=new, res_type="soxr_hq"))


WAYS: dict[str, Resample] = {"swr": by_swr, "soxr": by_soxr, "soxr_hq (librosa)": by_librosa}


def tone(frequency: float, rate: int) -> Signal:
    phase = 2 * np.pi * frequency * np.arange(SECONDS * rate) / rate
    return (AMPLITUDE * np.sin(phase)).astype("float32")


def middle(signal: Signal) -> tuple[NDArray[np.float64], slice]:
    """Without what the ends disturb."""
    part = slice(len(signal) // 4, len(signal) * 3 // 4)
    return signal[part].astype("float64"), part


def fit(signal: Signal, frequency: float, rate: int) -> tuple[complex, float]:
    """The gain and phase of a tone, and the level of all that is not it, over the tone's."""
    values, part = middle(signal)
    phase = 2 * np.pi * frequency * np.arange(part.start, part.stop) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    (sine, cosine), *_ = np.linalg.lstsq(basis, values)
    rest = values - basis @ (sine, cosine)
    gain = complex(sine, cosine) / AMPLITUDE
    return gain, float(np.sqrt(2 * np.mean(rest**2)) / AMPLITUDE)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-12)))


def level(resample: Resample, frequencies: NDArray[np.float64], rate: int, new: int) -> float:
    """The loudest that comes out of any of these tones, which should all be gone."""
    found = [middle(resample(tone(each, rate), rate, new))[0] for each in frequencies]
    return decibels(max(np.sqrt(2 * np.mean(each**2)) for each in found) / AMPLITUDE)


def measure(resample: Resample, rate: int, new: int) -> Quality:
    """Go through the passband, and through what lies above the new Nyquist frequency."""
    nyquist = min(rate, new) / 2
    passband = np.linspace(0.01, PASSBAND, TONES) * nyquist
    fits = [fit(resample(tone(each, rate), rate, new), each, new) for each in passband]
    gains = np.array([gain for gain, _ in fits])
    levels = 20 * np.log10(np.abs(gains))
    (slope,), *_ = np.linalg.lstsq(2 * np.pi * passband[:, None], np.unwrap(np.angle(gains)))
    at_nyquist = beyond = None
    if new < rate:
        at_nyquist = level(resample, np.array([1.001 * nyquist]), rate, new)
        stopband = np.linspace(1.1 * nyquist, 0.49 * rate, TONES)
        beyond = level(resample, stopband, rate, new)
    return Quality(
        ripple=float(levels.max() - levels.min()),
        residual=decibels(max(rest for _, rest in fits)),
        alias_at_nyquist=at_nyquist,
        alias_beyond=beyond,
        delay=float(-slope * new),
    )


def main() -> None:
    """Measure all and write them down."""
    results, rows = [], []
    for rate, new in RATES:
        for name, resample in WAYS.items():
            found = measure(resample, rate, new)
            results.append({"from": rate, "to": new, "resampler": name, **asdict(found)})
            alias = [
                "" if each is None else f"{each:.0f} dB"
                for each in (found.alias_at_nyquist, found.alias_beyond)
            ]
            rates = f"{rate} to {new} Hz"
            ripple, residual = f"{found.ripple:.4f} dB", f"{found.residual:.0f} dB"
            rows.append([rates, name, ripple, residual, *alias, f"{abs(found.delay):.5f}"])
    lead = f"""{TONES} tones, one by one. Ripple: the loudest over the faintest up to {PASSBAND} of
the lower Nyquist frequency. Residual: the loudest of all that is not the tone, over it. Alias: what
is left of a tone just above the new Nyquist frequency, and the most that is left of any from 1.1
times that on. Delay: output samples, from the phase of all tones of the passband."""
    header = ["rates", "resampler", "ripple", "residual", "alias at Nyquist", "alias beyond"]
    text = report.table([*header, "delay"], rows)
    report.write("quality", f"{lead}\n\n{text}", results)


if __name__ == "__main__":
    main()
