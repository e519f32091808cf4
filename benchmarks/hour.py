"""One hour of real music at 44.1 kHz, stereo, in six formats: made once, in build/hour."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "build/hour"
MUSIC = Path("/usr/share/games/noiz2sa/sounds")
SECONDS = 3600
ENCODERS = {
    "wav": ("-c:a", "pcm_s16le"),
    "flac": ("-c:a", "flac"),
    "mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "5"),
    "opus": ("-c:a", "libopus", "-b:a", "128k"),
    "m4a": ("-c:a", "aac", "-b:a", "160k", "-aac_pns", "0"),
}


def hour(suffix: str) -> Path:
    """Answer the path of the hour in this format; making all six takes some five minutes."""
    path = FOLDER / f"hour.{suffix}"
    if path.exists():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["ffmpeg", "-v", "error", "-y"]
    if suffix == "wav":
        listing = FOLDER / "music.txt"
        pieces = [f"file '{piece}'\n" for piece in sorted(MUSIC.glob("*.ogg"))]
        listing.write_text("".join(pieces) * 20)
        command += ["-f", "concat", "-safe", "0", "-i", str(listing), "-t", str(SECONDS)]
        command += ["-ar", "44100", "-ac", "2"]
    else:
        command += ["-i", str(hour("wav"))]
    part = path.with_name(f"part.{suffix}")
    print(f"making {path.name}", flush=True)
    subprocess.run([*command, *ENCODERS[suffix], str(part)], check=True)
    return part.rename(path)
