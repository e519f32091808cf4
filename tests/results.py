"""What decoding gives for a specimen of every format, whole and damaged in every way, as JSON.

usage: python tests/results.py FILE               write it, with the FFmpeg of this build
       python tests/results.py --compare FILE...  say where the builds' differ; only DIFFERENT may

Of each file: its length, `complete`, the issues, and of lossless formats a digest of the samples.
"""

import hashlib
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import pyffaudio
from damage import FATES, WAYS, audio_bytes
from pyffaudio import PyffaudioError
from zoo import ZOO, Zoo

Result: TypeAlias = dict[str, Any]

# Where FFmpeg 5.1, 7.1 and 9.0 differ and we do not mend it: in damaged files, but for the first.
DIFFERENT = {
    "5.1 has no decoder": ["qoa whole"],
    "5.1 decodes AMR-WB that later ones refuse": ["3gp_amr_wb over_256", "3gp_amr_wb over_3000"],
    "7.1 gives one packet more of damaged Speex": ["spx over_3000", "spx splice"],
    "9.0 goes on in the packet after a block of ADPCM that it refuses": ["wav_adpcm_ima splice"],
    "9.0 finds one packet more": ["m4a_fragments splice"],
    "9.0 gives one packet more before a gap in FLV": ["flv_mp3 over_3000", "flv_mp3 splice"],
    "9.0 notices damaged AAC in FLV itself, not by its times: corrupt_data instead of gap": [
        "flv_aac over_256",
        "flv_aac over_3000",
        "flv_aac splice",
    ],
    "as of 7.1, the parser loses a frame more of FLAC of less than ten; time is kept": [
        "flac_program_24 over_1",
        "flac_program_24 over_10",
        "flac_program_24 over_256",
        "flac_program_24 over_3000",
        "flac_program_24 splice",
    ],
}


def result(data: bytes, name: str, *, of_all: bool = False) -> Result:
    """What decoding gives, with a digest of lossy samples only if `of_all` is true."""
    specimen = ZOO[name]
    form = specimen.container if specimen.headerless else None
    try:
        audio = pyffaudio.decode_bytes(data, format=form, dtype=None, on_error="partial")
    except PyffaudioError as error:
        return {"error": type(error).__name__, "code": error.code}
    wanted = specimen.lossless or of_all  # builds may differ in the last bits of the others
    digest = hashlib.sha256(audio.samples.tobytes()).hexdigest() if wanted else None
    return {
        "shape": audio.samples.shape,
        "rate": audio.sample_rate,
        "complete": audio.complete,
        "issues": [f"{it.code}@{it.frame_offset}+{it.num_frames}" for it in audio.issues],
        "samples": digest,
    }


def results() -> dict[str, Result]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        zoo = Zoo(Path(folder))
        paths = dict(zip(ZOO, pool.map(zoo.__getitem__, ZOO), strict=True))
        files = {f"{name} whole": path.read_bytes() for name, path in paths.items()}
        for name in FATES:
            damaged = {way: make(audio_bytes(paths[name])) for way, make in WAYS.items()}
            files |= {f"{name} {way}": damage.data for way, damage in damaged.items()}
        found = pool.map(lambda key: result(files[key], key.split()[0]), files)
        return dict(zip(files, found, strict=True))


def compare(paths: list[str]) -> bool:
    """Whether the results differ where they are known to, and nowhere else."""
    builds = {path: json.loads(Path(path).read_text()) for path in paths}
    keys = set().union(*builds.values())
    different = {key for key in keys if len({str(it.get(key)) for it in builds.values()}) > 1}
    known = set(chain.from_iterable(DIFFERENT.values()))
    for key in sorted(different ^ known):
        print(f"{key}: {'differs' if key in different else 'no longer differs'}")
        for path, build in builds.items():
            print(f"    {path}: {build.get(key)}")
    print(
        f"results: {len(keys)} files, {len(paths)} builds, {len(different)} with known differences"
    )
    return different == known


def main(arguments: list[str]) -> None:
    match arguments:
        case ["--compare", *paths] if len(paths) > 1:
            sys.exit(not compare(paths))
        case [path]:
            Path(path).write_text(json.dumps(results(), indent=1))
        case _:
            sys.exit("usage: results.py FILE | --compare FILE FILE...")


if __name__ == "__main__":
    main(sys.argv[1:])
