"""Files and names that would have FFmpeg open something else, each tried in every way there is.

usage: python tests/attacks.py FOLDER   after a line "begin" on stdout come the attempts, then "end"
"""

import io
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pyffaudio
from media import Media, external_reference
from pyffaudio import Limits

HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{0}\n#EXT-X-ENDLIST\n"
MASTER = (
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{0}"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n{0}\n'
)
KEY = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{0}"\n#EXTINF:1,\n{0}\n'
CONCAT = "ffconcat version 1.0\nfile '{0}'\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"
 type="static" mediaPresentationDuration="PT1S" minBufferTime="PT1S"><Period><AdaptationSet
 mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>
 <SegmentList duration="1"><Initialization sourceURL="{0}"/><SegmentURL media="{0}"/></SegmentList>
 </Representation></AdaptationSet></Period></MPD>
"""
SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=x
c=IN IP4 127.0.0.1
t=0 0
m=audio {1} RTP/AVP 0
a=control:{0}
"""
PLAYLISTS = {
    "a.m3u8": HLS,
    "master.m3u8": MASTER,
    "key.m3u8": KEY,
    "a.ffconcat": CONCAT,
    "a.mpd": DASH,
    "a.sdp": SDP,
    "a.m3u": "#EXTM3U\n{0}\n",
    "a.pls": "[playlist]\nFile1={0}\nNumberOfEntries=1\n",
    "a.mp3": HLS,
    "a.wav": CONCAT,
    "a.imf": "<AssetMap><Path>{0}</Path></AssetMap>",
}
# What a playlist may name, and what a name may say: {0} is the canary, {1} the port.
TARGETS = [
    "{0}",
    "file:{0}",
    "http://127.0.0.1:{1}/canary.wav",
    "tcp://127.0.0.1:{1}",
    "rtmp://127.0.0.1:{1}/a",
    "data:audio/x-mpegurl,%23EXTM3U%0Ahttp://127.0.0.1:{1}/a",
    "crypto:http://127.0.0.1:{1}/a",
    "concat:{0}|{0}",
    "concatf:{0}",
    "subfile,,start,0,end,99,,:{0}",
    "cache:{0}",
    "async:http://127.0.0.1:{1}/a",
    "tee:{0}",
    "pipe:0",
    "hls+http://127.0.0.1:{1}/a",
    "rtp://127.0.0.1:{1}",
]


@contextmanager
def listening() -> Iterator[int]:
    """A port on loopback to which nobody connects; that anyone does is an error."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with suppress(BlockingIOError):
            raise AssertionError(server.accept())


def make(folder: Path, media: Media, port: int) -> None:
    """The files, in a folder that has a canary too, which nobody is to open."""
    (folder / "canary.wav").write_bytes(media["wav_s16"].read_bytes())
    for number, target in enumerate(TARGETS):
        named = target.format(folder / "canary.wav", port)
        for name, text in PLAYLISTS.items():
            (folder / f"{number}_{name}").write_text(text.format(named, port))
    whole = media["mp4_mp3"].read_bytes()
    for number, name in enumerate(["canary.wav", f"http://127.0.0.1:{port}/a", "../canary.wav"]):
        for suffix in ("mp4", "mov"):
            (folder / f"{number}_reference.{suffix}").write_bytes(external_reference(whole, name))
    (folder / "names").write_text(
        "\n".join(target.format(folder / "canary.wav", port) for target in TARGETS[1:])
    )


def attempt(source: Path) -> None:
    """Decode and probe it as a path, as bytes, and as file objects, by its content and by name."""
    data = source.read_bytes()
    ways: list[Callable[[], object]]
    ways = [lambda: pyffaudio.decode_file(source), lambda: pyffaudio.probe(source)]
    ways += [lambda: pyffaudio.decode_bytes(data), lambda: pyffaudio.decode_file(io.BytesIO(data))]
    ways.append(lambda: next(pyffaudio.decode_many([source], num_workers=1)))
    ways += [partial(pyffaudio.decode_bytes, data, format=name) for name in ("mov", "mp3", "wav")]
    ways.append(lambda: pyffaudio.decode_file(source, limits=Limits.untrusted()))
    for way in ways:
        try:
            way()
        except (pyffaudio.PyffaudioError, OSError):
            continue


def main() -> None:
    folder = Path(sys.argv[1])
    for known in ("canary.wav", "0_a.m3u8"):  # so that Python has loaded all that it will
        attempt(folder / known)
    names = (folder / "names").read_text().splitlines()
    sources = sorted(path for path in folder.iterdir() if path.name not in ("names", "canary.wav"))
    os.write(1, b"begin\n")
    for source in sources:
        attempt(source)
    for name in names:
        for call in (pyffaudio.decode_file, pyffaudio.probe):
            try:
                call(name)
            except (pyffaudio.PyffaudioError, OSError):
                continue
    os.write(1, b"end\n")


if __name__ == "__main__":
    main()
