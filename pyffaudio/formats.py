"""The demuxers and decoders that are allowed, and why: what is not named here never sees a byte.

Names are FFmpeg's. The list is enforced on every way in, whatever the linked FFmpeg could do. The
bundled FFmpeg is built from it (scripts/ffmpeg.py), with the parsers named here, and with all audio
filters but those refused here.
"""

from types import MappingProxyType

# Readers of one audio or multimedia file each, with no way to name another file.
_CONTAINERS = {
    "wav": "RIFF WAVE, RF64, BW64",
    "w64": "Sony Wave64",
    "aiff": "AIFF, AIFF-C",
    "au": "Sun AU",
    "caf": "Apple CAF",
    "flac": "FLAC",
    "mp3": "MPEG-1/2 audio layers, with ID3",
    "ogg": "Ogg",
    "mov": "MP4, M4A, MOV, 3GP",
    "matroska": "Matroska, WebM",
    "aac": "AAC in ADTS frames",
    "loas": "AAC in LATM and LOAS",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "dts": "DTS",
    "truehd": "TrueHD",
    "mlp": "MLP",
    "wv": "WavPack",
    "tta": "True Audio",
    "ape": "Monkey's Audio",
    "tak": "TAK",
    "amr": "AMR, narrow and wide band",
    "qoa": "Quite OK Audio",
    "dsf": "DSD in DSF",
    "iff": "DSD in DSDIFF",
    "asf": "ASF, WMA",
    "avi": "AVI",
    "flv": "Flash Video",
    "mpeg": "MPEG program stream",
    "mpegts": "MPEG transport stream",
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

# Neither do these have one, or one too weak to be believed; a path's suffix may name them.
_RAW_CODED = {
    "g722": "raw G.722",
    "g726": "raw G.726, big-endian",
    "g726le": "raw G.726, little-endian",
    "gsm": "raw GSM 06.10",
    "sbc": "raw SBC",
}

DEMUXERS = MappingProxyType(_CONTAINERS | _RAW_PCM | _RAW_CODED)

# Raw PCM alone takes `format_options`: it has no header to say its rate and channels.
RAW_PCM_DEMUXERS = frozenset(_RAW_PCM)

# Decoders maintained inside FFmpeg and fuzzed there for years, no other library's.
DECODERS = MappingProxyType(
    {
        "flac": "FLAC",
        "alac": "ALAC",
        "wavpack": "WavPack",
        "tta": "True Audio",
        "ape": "Monkey's Audio",
        "mlp": "MLP",
        "truehd": "TrueHD",
        "tak": "TAK",
        "wmalossless": "Windows Media Audio Lossless",
        "mp1float": "MPEG audio layer I",
        "mp1": "MPEG audio layer I, fixed point: where a build has no other",
        "mp2float": "MPEG audio layer II",
        "mp2": "MPEG audio layer II, fixed point: where a build has no other",
        "mp3float": "MPEG audio layer III",
        "mp3": "MPEG audio layer III, fixed point: where a build has no other",
        "aac": "AAC, HE-AAC",
        "aac_latm": "AAC in LATM",
        "vorbis": "Vorbis",
        "opus": "Opus",
        "speex": "Speex",
        "ac3": "AC-3",
        "eac3": "E-AC-3",
        "dca": "DTS",
        "wmav1": "Windows Media Audio 1",
        "wmav2": "Windows Media Audio 2",
        "wmapro": "Windows Media Audio Professional",
        "amrnb": "AMR, narrow band",
        "amrwb": "AMR, wide band",
        "gsm": "GSM 06.10",
        "gsm_ms": "GSM 06.10 as in WAV",
        "qoa": "Quite OK Audio",
        "sbc": "SBC",
        "g722": "G.722",
        "g726": "G.726",
        "g726le": "G.726, little-endian",
        "adpcm_ima_wav": "IMA ADPCM as in WAV",
        "adpcm_ima_qt": "IMA ADPCM as in QuickTime",
        "adpcm_ms": "Microsoft ADPCM",
        "adpcm_yamaha": "Yamaha ADPCM",
        "dsd_lsbf": "DSD",
        "dsd_lsbf_planar": "DSD",
        "dsd_msbf": "DSD",
        "dsd_msbf_planar": "DSD",
        "pcm_s64le": "linear PCM",
        "pcm_s64be": "linear PCM",
        "pcm_bluray": "linear PCM as on Blu-ray discs",
        "pcm_dvd": "linear PCM as on DVDs",
        "pcm_alaw": "G.711 A-law",
        "pcm_mulaw": "G.711 mu-law",
    }
    | {f"pcm_{name}": "linear PCM" for name in _RAW_PCM if name not in ("alaw", "mulaw")}
)

# Codecs by FFmpeg's names of those, which are not always the names of their decoders.
CODECS = frozenset(DECODERS) | {
    "adpcm_g722",
    "adpcm_g726",
    "adpcm_g726le",
    "amr_nb",
    "amr_wb",
    "dts",
}

# Those that cut the streams of the formats above into packets; they decode nothing.
PARSERS = MappingProxyType(
    {
        "aac": "AAC in ADTS frames",
        "aac_latm": "AAC in LATM",
        "ac3": "AC-3, E-AC-3",
        "amr": "AMR",
        "dca": "DTS",
        "flac": "FLAC",
        "gsm": "GSM 06.10",
        "mlp": "MLP, TrueHD",
        "mpegaudio": "MPEG audio layers",
        "opus": "Opus",
        "sbc": "SBC",
        "tak": "TAK",
        "vorbis": "Vorbis",
    }
)

# A path's suffix is the hint of last resort, for formats that no first bytes give away.
SUFFIX_HINTS = MappingProxyType(
    {"g722": b"g722", "g726": b"g726", "g726le": b"g726le", "gsm": b"gsm", "sbc": b"sbc"}
)

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
    return "it is not on the list of reviewed codecs (pyffaudio.formats())"
