"""An open file and what becomes of its samples: mixed, then resampled, block by block.

Functions answer 1, 0 at the end, or -1 where the watch or libsox has ended it.
"""
from libc.math cimport ceil
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memset, strcmp, strlen, strstr

from pyffaudio cimport sox
from pyffaudio._sox_library cimport Watch, lock, look, unlock
from pyffaudio._sox_samples cimport Place, mix, store


cdef enum:
    BLOCK_SAMPLES = 8192        # as many as libsox itself handles at once
    MAX_CHANNELS = 64

# Interleaved frames of which some have been used already.
cdef struct Block:
    int32_t samples[BLOCK_SAMPLES]
    int64_t begin
    int64_t end

cdef struct Stream:
    sox.sox_format_t *format
    char path[32]               # of our own descriptor, which opens the file once more
    const char *filetype        # as the caller or the suffix names it; NULL lets libsox look
    sox.sox_signalinfo_t raw    # rate and channels of what has no header
    int source_channels
    double source_rate
    int num_channels            # of what comes out, as is the next one
    int sample_rate
    bint mixes
    double matrix[MAX_CHANNELS * MAX_CHANNELS]
    sox.sox_effects_chain_t *resampler
    Block source                # mixed already
    Block ready
    int32_t planes[2][BLOCK_SAMPLES]
    int64_t frames_in           # read from the file
    int64_t frames_out          # of those in `ready` so far
    int64_t silence             # that is still to follow the last frame into the resampler
    bint source_ended
    int64_t position            # of the caller, in frames that come out
    int error                   # of libsox, the first one met
    int64_t error_frame         # of the file, where it was


cdef inline void close_resampler(Stream *stream) noexcept nogil:
    if stream.resampler != NULL:
        lock()
        sox.sox_delete_effects_chain(stream.resampler)
        unlock()
        stream.resampler = NULL


cdef inline void close_stream(Stream *stream) noexcept nogil:
    close_resampler(stream)
    if stream.format != NULL:
        lock()
        sox.sox_close(stream.format)
        unlock()
        stream.format = NULL


cdef inline int open_format(Stream *stream) noexcept nogil:
    """Open the file at its first frame. Devices are no files, whatever they are called."""
    cdef const sox.sox_format_handler_t *handler
    lock()
    if stream.filetype != NULL:
        handler = sox.sox_find_format(stream.filetype, True)
        if handler == NULL:
            unlock()
            return -1
    stream.format = sox.sox_open_read(stream.path, &stream.raw, NULL, stream.filetype)
    unlock()
    stream.frames_in = stream.frames_out = stream.position = 0
    stream.source.begin = stream.source.end = 0
    stream.ready.begin = stream.ready.end = 0
    stream.source_ended = False
    stream.error = 0
    return 1 if stream.format != NULL else -1


cdef inline int start_resampler(Stream *stream, char *rate) noexcept nogil:
    """Have one `rate` effect for each channel, as the sox command takes it by default."""
    cdef sox.sox_signalinfo_t signal
    cdef sox.sox_effect_t *effect
    cdef int status
    memset(&signal, 0, sizeof(signal))
    signal.rate = stream.source_rate
    signal.channels = stream.num_channels
    signal.precision = 32
    signal.length = sox.SOX_UNKNOWN_LEN
    stream.silence = 1 + <int64_t>ceil(stream.source_rate / stream.sample_rate)
    lock()
    stream.resampler = sox.sox_create_effects_chain(NULL, NULL)
    effect = sox.sox_create_effect(sox.sox_find_effect("rate"))
    status = sox.sox_effect_options(effect, 1, &rate)
    if status == sox.SOX_SUCCESS:
        status = sox.sox_add_effect(stream.resampler, effect, &signal, &signal)
    unlock()
    free(effect)                # the chain has a copy of it, and what belonged to it
    return 1 if status == sox.SOX_SUCCESS else -1


cdef inline int read_source(Stream *stream, Block *block) noexcept nogil:
    """Have the next frames of the file in a block, mixed."""
    cdef int channels = stream.source_channels
    cdef int64_t most = BLOCK_SAMPLES // max(channels, stream.num_channels)
    cdef int32_t *target = block.samples
    cdef int64_t count = 0
    if stream.mixes:
        target = stream.planes[0]
    if not stream.source_ended:
        count = <int64_t>sox.sox_read(stream.format, target, most * channels) // channels
    block.begin = 0
    block.end = count
    if stream.error == 0 and stream.format.sox_errno not in (sox.SOX_SUCCESS, sox.SOX_EOF):
        stream.error = stream.format.sox_errno
        stream.error_frame = stream.frames_in
    if count == 0:
        stream.source_ended = True
        return 0
    stream.frames_in += count
    if stream.mixes:
        mix(stream.matrix, target, channels, block.samples, stream.num_channels, count)
    return 1


cdef inline int add_silence(Stream *stream) noexcept nogil:
    """Silence behind the last frame: `rate` rounds its length, and we give a frame that is begun.

    It is what `rate` itself adds, so that the frames before stay the same.
    """
    cdef Block *source = &stream.source
    cdef int64_t count = min(stream.silence, BLOCK_SAMPLES // stream.num_channels)
    cdef int64_t i
    for i in range(count * stream.num_channels):
        source.samples[i] = 0
    source.begin = 0
    source.end = count
    stream.silence -= count
    return 1 if count > 0 else 0


cdef inline int resample(Stream *stream, bint drains) noexcept nogil:
    """Give the resampler what waits for it, or let it empty itself; have what comes out."""
    cdef sox.sox_effect_t *effect = stream.resampler.effects[0]
    cdef Block *source = &stream.source
    cdef Block *ready = &stream.ready
    cdef int channels = stream.num_channels
    cdef size_t given = 0
    cdef size_t gotten = 0
    cdef int channel
    cdef int64_t i
    for channel in range(channels):
        given = <size_t>(source.end - source.begin)
        gotten = BLOCK_SAMPLES // channels
        if drains:
            effect[channel].handler.drain(&effect[channel], stream.planes[1], &gotten)
        else:
            for i in range(<int64_t>given):
                stream.planes[0][i] = source.samples[(source.begin + i) * channels + channel]
            effect[channel].handler.flow(&effect[channel], stream.planes[0], stream.planes[1],
                                         &given, &gotten)
        for i in range(<int64_t>gotten):
            ready.samples[i * channels + channel] = stream.planes[1][i]
    if not drains:
        source.begin += given
    ready.begin = 0
    ready.end = <int64_t>gotten
    return 1 if gotten > 0 else 0


cdef inline int64_t resampled_length(const Stream *stream, int64_t frames) noexcept nogil:
    """How many frames come of these: what is begun is given, as everywhere in pyffaudio."""
    cdef double exact = frames * (stream.sample_rate / stream.source_rate)
    if stream.source_rate == <int64_t>stream.source_rate:
        return (frames * stream.sample_rate + <int64_t>stream.source_rate - 1) \
            // <int64_t>stream.source_rate
    return <int64_t>ceil(exact)


cdef inline int fill_resampled(Stream *stream, Watch *watch) noexcept nogil:
    cdef int64_t most
    cdef int status = 0
    cdef bint drains = False
    while status == 0:
        if stream.source.begin == stream.source.end and not drains:
            if read_source(stream, &stream.source) == 0 and add_silence(stream) == 0:
                drains = True
        if look(watch) < 0:
            return -1
        lock()
        status = resample(stream, drains)
        unlock()
        if status == 0 and drains:
            return 0
    if stream.source_ended:
        most = resampled_length(stream, stream.frames_in) - stream.frames_out
        stream.ready.end = min(stream.ready.end, most)
    stream.frames_out += stream.ready.end
    return 1 if stream.ready.end > 0 else 0


cdef inline int fill_ready(Stream *stream, Watch *watch) noexcept nogil:
    """Have frames ready that come out next."""
    if look(watch) < 0:
        return -1
    if stream.resampler != NULL:
        return fill_resampled(stream, watch)
    return read_source(stream, &stream.ready)


cdef inline int read_frames(Stream *stream, Watch *watch, Place *place, int64_t room,
                            int64_t *filled) noexcept nogil:
    """Fill a place with up to `room` frames, or drop so many; fewer are the end."""
    cdef Block *ready = &stream.ready
    cdef int64_t count
    cdef int status
    filled[0] = 0
    while filled[0] < room:
        if ready.begin == ready.end:
            status = fill_ready(stream, watch)
            if status <= 0:
                return status
        count = min(room - filled[0], ready.end - ready.begin)
        store(place, ready.samples + ready.begin * stream.num_channels, count)
        ready.begin += count
        stream.position += count
        filled[0] += count
    return 1


cdef inline bint is_pcm(const Stream *stream) noexcept nogil:
    """Whether each sample is stored for itself."""
    return stream.format.encoding.encoding in (
        sox.SOX_ENCODING_SIGN2, sox.SOX_ENCODING_UNSIGNED, sox.SOX_ENCODING_FLOAT,
        sox.SOX_ENCODING_ULAW, sox.SOX_ENCODING_ALAW)


cdef inline bint is_lossless_code(const Stream *stream) noexcept nogil:
    return is_pcm(stream) or stream.format.encoding.encoding in (
        sox.SOX_ENCODING_FLAC, sox.SOX_ENCODING_WAVPACK)


cdef inline bint is_one_of(const char *name, const char *names) noexcept nogil:
    """Whether a name is among others with a space on either side."""
    cdef const char *found = strstr(names, name)
    return found != NULL and found[-1] == b' ' and found[strlen(name)] == b' '


cdef inline bint is_counted(const Stream *stream) noexcept nogil:
    """Whether there must be as many samples as the header says.

    libsndfile corrects what it says to the size of the file, and others are estimates.
    """
    return is_lossless_code(stream) and is_one_of(
        stream.format.filetype, b" wav au snd aiff aif aifc sph nist 8svx sox flac wv ")


cdef inline bint keeps_integers(const Stream *stream) noexcept nogil:
    """Whether what comes out are integers that were stored."""
    return not stream.mixes and stream.resampler == NULL \
        and is_lossless_code(stream) \
        and stream.format.encoding.encoding != sox.SOX_ENCODING_FLOAT


cdef inline bint can_seek(const Stream *stream) noexcept nogil:
    """Whether libsox finds a frame exactly: of plain PCM in the formats where tests show it."""
    cdef const char *filetype = stream.format.filetype
    if stream.format.handler.seek == NULL or stream.resampler != NULL or not is_pcm(stream):
        return False
    return strcmp(filetype, "wav") == 0 or strcmp(filetype, "aiff") == 0 \
        or strcmp(filetype, "au") == 0
