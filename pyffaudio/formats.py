"""The demuxers and decoders that are allowed, and why: what is not named here never sees a byte.

Names are FFmpeg's. The list is enforced on every way in, whatever the linked FFmpeg could do.
"""

from types import MappingProxyType

# Readers of one audio or multimedia file each, with no way to name another file.
_CONTAINERS = {
    "wav": "RIFF WAVE",
    "flac": "FLAC",
    "mp3": "MPEG-1/2 audio layers, with ID3",
    "ogg": "Ogg",
    "mov": "MP4, M4A, MOV, 3GP",
    "matroska": "Matroska, WebM",
    "aac": "AAC in ADTS frames",
}

# Streams without any signature: only ever by `format=` (g722 also by its suffix).
_RAW_PCM = {
    f"{kind}{bits}{order}": f"raw PCM, {bits} bits"
    for kind, bits, orders in (
        ("s", 16, ("le", "be")),
        ("s", 24, ("le", "be")),
        ("s", 32, ("le", "be")),
        ("u", 16, ("le", "be")),
        ("u", 24, ("le", "be")),
        ("u", 32, ("le", "be")),
        ("f", 32, ("le", "be")),
        ("f", 64, ("le", "be")),
    )
    for order in orders
} | {
    "s8": "raw PCM, 8 bits",
    "u8": "raw PCM, 8 bits",
    "alaw": "raw G.711 A-law",
    "mulaw": "raw G.711 mu-law",
}

DEMUXERS = MappingProxyType(_CONTAINERS | _RAW_PCM | {"g722": "raw G.722"})

# Raw PCM alone takes `format_options`: it has no header to say its rate and channels.
RAW_PCM_DEMUXERS = frozenset(_RAW_PCM)

# Decoders maintained inside FFmpeg and fuzzed there for years.
DECODERS = MappingProxyType(
    {
        "flac": "FLAC",
        "mp3float": "MPEG audio layer III",
        "mp3": "MPEG audio layer III, fixed point: where a build has no other",
        "vorbis": "Vorbis",
        "opus": "Opus",
        "aac": "AAC",
        "g722": "G.722",
        "pcm_s64le": "linear PCM",
        "pcm_s64be": "linear PCM",
        "pcm_alaw": "G.711 A-law",
        "pcm_mulaw": "G.711 mu-law",
    }
    | {f"pcm_{name}": "linear PCM" for name in _RAW_PCM if name not in ("alaw", "mulaw")}
)

# A path's suffix is the hint of last resort, for formats that no first bytes give away.
SUFFIX_HINTS = MappingProxyType({".g722": "g722"})

WEB_FORMATS = frozenset({"wav", "flac", "mp3", "ogg", "mov", "matroska", "aac"})

# Formats that FFmpeg may recognise and that are refused, with the reason a person is told.
_PLAYLIST = "it is a playlist, which would make FFmpeg open other files or addresses"
_REFUSED_FORMATS = {
    "hls": _PLAYLIST,
    "concat": _PLAYLIST,
    "ffconcat": _PLAYLIST,
    "dash": _PLAYLIST,
    "imf": _PLAYLIST,
    "rtsp": _PLAYLIST,
    "sdp": _PLAYLIST,
    "sap": _PLAYLIST,
    "webm_dash_manifest": _PLAYLIST,
}


def why_format_refused(name: str) -> str:
    """Why a demuxer is not on the list, in words that follow "because"."""
    for part in name.split(","):
        if part in DEMUXERS:
            return "it is not among limits.allowed_formats"
        if part in _REFUSED_FORMATS:
            return _REFUSED_FORMATS[part]
        if part.endswith("_pipe"):
            return "it is a picture"
    return "it is not on the list of reviewed formats (pyffaudio.formats())"


def why_codec_refused(name: str) -> str:
    """Why a decoder is not on the list, in words that follow "because"."""
    if name == "pcm_f24le":
        return "this WAV has 24-bit samples in 32-bit containers, which this version cannot read"
    return "it is not on the list of reviewed codecs (pyffaudio.formats())"
