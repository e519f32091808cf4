"""What libsox says of a file and of itself, as Python objects."""
from libc.stdint cimport int64_t
from libc.string cimport strlen

from pyffaudio cimport sox
from pyffaudio._sox_library cimport lock, unlock
from pyffaudio._tags cimport keeps


cdef inline str text(const char *words):
    return "" if words == NULL else words.decode("utf-8", "replace")


cdef inline bint is_lossless(const sox.sox_format_t *format):
    return sox.sox_get_encodings_info()[format.encoding.encoding].flags == sox.sox_encodings_none


cdef inline dict facts_of(const sox.sox_format_t *format, int64_t max_tag_bytes):
    """What `Decoder.describe()` answers."""
    cdef const sox.sox_encodings_info_t *encoding = \
        &sox.sox_get_encodings_info()[format.encoding.encoding]
    cdef int64_t length = <int64_t>format.signal.length
    channels = <int>format.signal.channels
    codec = text(encoding.desc)
    rate = int(format.signal.rate + 0.5)
    exact = is_lossless(format) and format.signal.precision <= 32
    return {
        "sample_rate": rate,
        "num_channels": channels,
        "channel_layout": {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels"),
        "num_frames": length // channels if length > 0 else None,
        "is_exact": False,
        "codec": codec,
        "container": text(format.filetype),
        "sample_format": "s32",
        "bits_per_sample": int(format.signal.precision) if exact else None,
        "bit_rate": None,
        "stream_index": 0,
        "tags": comments_of(format, max_tag_bytes),
        "chapters": [],
        "streams": [{"index": 0, "type": "audio", "codec": codec, "sample_rate": rate,
                     "num_channels": channels, "is_cover": False, "tags": {}}],
    }


cdef inline dict comments_of(const sox.sox_format_t *format, int64_t left):
    """Comments of the form name=value, in so many bytes; others are the value of "comment"."""
    cdef char **comment = format.oob.comments
    tags = {}
    while comment != NULL and comment[0] != NULL:
        if keeps(&left, strlen(comment[0])):
            name, sign, value = text(comment[0]).partition("=")
            name, value = (name.lower(), value) if sign else ("comment", name)
            tags[name] = f"{tags[name]}; {value}" if name in tags else value
        comment += 1
    return tags


cdef inline dict describe_effects():
    """The name of each effect, and what libsox says of its use."""
    cdef const sox.sox_effect_fn_t *functions = sox.sox_get_effect_fns()
    cdef const sox.sox_effect_handler_t *handler
    found = {}
    while functions[0] != NULL:
        lock()                      # some are put together in static memory
        handler = functions[0]()
        unlock()
        if handler != NULL and handler.name != NULL:
            found[text(handler.name)] = text(handler.usage)
        functions += 1
    return found


cdef inline list describe_formats():
    """Names of the formats of files, plugins included."""
    cdef const sox.sox_format_tab_t *formats = sox.sox_get_format_fns()
    cdef const sox.sox_format_handler_t *handler
    cdef const char *const *name
    found = []
    while formats[0].fn != NULL:
        lock()
        handler = formats[0].fn()
        unlock()
        name = handler.names
        while name[0] != NULL and not handler.flags & sox.SOX_FILE_DEVICE:
            found.append(text(name[0]))
            name += 1
        formats += 1
    return found
