"""Where the bytes come from: memory, a descriptor or a Python file object, behind one AVIOContext.

Every read and seek of the demuxer lands here, so this is also where time, signals and the size of
the input are watched.
"""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.errno cimport EAGAIN, EINTR, EIO, EISDIR, ENOMEM, ENOSYS, errno
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.stdio cimport SEEK_CUR, SEEK_END, SEEK_SET
from libc.string cimport memcpy, memset
from posix.fcntl cimport O_NONBLOCK, O_RDONLY, open as posix_open
from posix.stat cimport S_ISDIR, S_ISREG, fstat, struct_stat
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close as posix_close, pread, read as posix_read

from pyffaudio cimport ffmpeg as ff
from pyffaudio._claim cimport is_raised
from pyffaudio._interpreter cimport stay_if_ended
from pyffaudio._links cimport Links, link_bytes
from pyffaudio._memory cimport MemoryAccount, count_memory


cdef extern from "fcntl.h" nogil:
    int O_CLOEXEC

cdef extern from "poll.h" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long nfds, int timeout)
    int POLLIN


cdef enum SourceKind:
    MEMORY
    DESCRIPTOR
    FILE_OBJECT

# Why a source stopped the decoder, beside an exception (`error`) and a system error (`errnum`).
cdef enum SourceStop:
    GOES_ON
    TIMED_OUT
    INPUT_TOO_LARGE
    CANCELLED

cdef enum:
    IO_BUFFER_BYTES = 32 * 1024
    # Of a picture or a table FFmpeg may ask for all at once: time and signals are watched between
    # pieces, and what a file object answers is in memory twice.
    MOST_READ_BYTES = 1024 * 1024
    # Read whole at once: a short clip then costs one system call instead of a dozen.
    SMALL_FILE_BYTES = 1024 * 1024
    WATCH_INTERVAL_NS = 20 * 1000 * 1000
    POLL_INTERVAL_MS = 20
    # Read ahead to recognise the format: two frames of DTS, the longest that we look for, fit in.
    START_BYTES = 32 * 1024

cdef struct Source:
    SourceKind kind
    const uint8_t *start        # the first bytes; of MEMORY all
    int64_t start_size
    uint8_t *held               # read beyond a link of a chain, where one cannot go back
    uint8_t *scratch            # see read_link()
    int64_t held_position
    int64_t held_size
    uint8_t *owned              # `start`, where close_source() frees it
    int fd                      # DESCRIPTOR, -1 when closed
    PyObject *file              # FILE_OBJECT, borrowed: the Decoder holds the reference
    bint seekable
    bint waits                  # DESCRIPTOR of a pipe, terminal or socket: poll before reading
    bint fills                  # no read of the demuxer is answered in part but the last
    int64_t base                # where in the file object our position 0 is
    int64_t position            # of the demuxer, counted from the source's first byte
    Links links                 # of a chained Ogg; the demuxer's own zero is links.origin
    int64_t offset              # of the descriptor or file object, from `base`
    int64_t size                # bytes, -1 when unknown
    int64_t max_bytes           # Limits.max_input_bytes
    int64_t deadline_ns         # on the monotonic clock
    int64_t next_watch_ns
    PyObject *error             # an exception for the caller, owned
    int errnum                  # errno of a failed system call
    const int *stop_flag        # of the Stop that this source obeys; or NULL
    SourceStop stop


cdef inline int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000000000 + now.tv_nsec


cdef inline void keep_error(Source *source, object error) noexcept:
    """Keep the first exception raised under FFmpeg, to be raised again once its frames are gone."""
    if source.error == NULL:
        Py_INCREF(error)
        source.error = <PyObject *>error


cdef inline int check_signals(Source *source) noexcept with gil:
    cdef MemoryAccount *account = count_memory(NULL)
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        keep_error(source, error)
        return ff.AVERROR_EXIT
    finally:
        count_memory(account)
    return 0


cdef inline bint has_stopped(const Source *source) noexcept nogil:
    return source.error != NULL or source.stop != SourceStop.GOES_ON or source.errnum != 0


cdef inline int watch(Source *source) noexcept nogil:
    """Notice a passed deadline and a waiting signal; called for every read, packet and chunk."""
    cdef int64_t now = monotonic_ns()
    if source.error != NULL or source.stop != SourceStop.GOES_ON:
        return ff.AVERROR_EXIT
    if source.stop_flag != NULL and is_raised(source.stop_flag):
        source.stop = SourceStop.CANCELLED
        return ff.AVERROR_EXIT
    if now >= source.deadline_ns:
        source.stop = SourceStop.TIMED_OUT
        return ff.AVERROR_EXIT
    if now >= source.next_watch_ns:
        source.next_watch_ns = now + WATCH_INTERVAL_NS
        stay_if_ended()
        return check_signals(source)
    return 0


cdef inline int watch_callback(void *opaque) noexcept nogil:
    return watch(<Source *>opaque) < 0


cdef inline int fail_with_errno(Source *source) noexcept nogil:
    source.errnum = errno
    return ff.AVERROR(source.errnum)


cdef inline int wait_readable(Source *source) noexcept nogil:
    cdef pollfd waiting
    cdef int ready = 0
    cdef int status
    waiting.fd = source.fd
    waiting.events = <short>POLLIN
    while ready <= 0:
        status = watch(source)
        if status < 0:
            return status
        ready = poll(&waiting, 1, POLL_INTERVAL_MS)
        if ready < 0 and errno != EINTR:
            return fail_with_errno(source)
    return 0


cdef inline int read_descriptor(Source *source, uint8_t *buffer, int size) noexcept nogil:
    cdef Py_ssize_t count
    cdef int status
    while True:
        if source.waits:
            status = wait_readable(source)
            if status < 0:
                return status
            count = posix_read(source.fd, buffer, size)
        else:
            # The descriptor's own position is shared with every process that this one forks.
            count = pread(source.fd, buffer, size, source.offset)
        if count >= 0:
            return <int>count
        # EAGAIN: another reader of the same pipe was faster.
        if errno != EINTR and not (errno == EAGAIN and source.waits):
            return fail_with_errno(source)
        stay_if_ended()
        status = check_signals(source)
        if status < 0:
            return status


cdef inline int copy_read_answer(object answer, uint8_t *buffer, int size) except -1:
    """Copy what `read(size)` answered; an answer that is no buffer or too long is an error."""
    cdef Py_buffer view
    if answer is None:
        raise BlockingIOError("the file object's read() returned None: it is non-blocking and has "
                              "no data yet; pass a blocking one")
    if isinstance(answer, str):
        raise TypeError("the file object's read() returned str, not bytes: open it in binary mode")
    try:
        PyObject_GetBuffer(answer, &view, PyBUF_SIMPLE)
    except BufferError:
        raise TypeError(f"the file object's read() returned a {type(answer).__name__} that is not "
                        "contiguous") from None
    try:
        if view.len > size:
            raise ValueError(f"the file object's read({size}) returned {view.len} bytes, more than "
                             "asked for")
        if view.len > 0:
            memcpy(buffer, view.buf, view.len)
        return <int>view.len
    finally:
        PyBuffer_Release(&view)


cdef inline int read_file_object(Source *source, uint8_t *buffer, int size) noexcept with gil:
    cdef MemoryAccount *account = count_memory(NULL)
    try:
        PyErr_CheckSignals()
        return copy_read_answer((<object>source.file).read(size), buffer, size)
    except BaseException as error:
        keep_error(source, error)
        return ff.AVERROR_EXIT
    finally:
        count_memory(account)


cdef inline int seek_file_object(Source *source, int64_t target) noexcept with gil:
    cdef MemoryAccount *account = count_memory(NULL)
    try:
        (<object>source.file).seek(target)
    except BaseException as error:
        keep_error(source, error)
        return ff.AVERROR_EXIT
    finally:
        count_memory(account)
    return 0


cdef inline int fetch(Source *source, uint8_t *buffer, int size) noexcept nogil:
    """Read on from `offset`: bytes got, 0 at the end, or an error."""
    cdef int count = 0
    if source.kind == SourceKind.DESCRIPTOR:
        count = read_descriptor(source, buffer, size)
    elif source.kind == SourceKind.FILE_OBJECT:
        stay_if_ended()
        count = read_file_object(source, buffer, size)
    if count > 0:
        source.offset += count
        if source.offset > source.max_bytes:
            source.stop = SourceStop.INPUT_TOO_LARGE
            return ff.AVERROR_EXIT
    return count


cdef inline int go_to_position(Source *source) noexcept nogil:
    """Seek, as late as this: most of a demuxer's seeks lead back before anything is read."""
    cdef int status = 0
    if source.offset == source.position:
        return 0
    if source.kind == SourceKind.FILE_OBJECT:
        stay_if_ended()
        status = seek_file_object(source, source.base + source.position)
    source.offset = source.position
    return status


cdef inline int read_at_position(Source *source, uint8_t *buffer, int size) noexcept nogil:
    """Read what stands at `position`, without moving it: bytes got, 0 at the end, or an error."""
    cdef int64_t at_hand = source.start_size - source.position
    cdef int count = watch(source)
    if count < 0:
        return count
    size = min(size, MOST_READ_BYTES)
    if at_hand > 0:
        count = size if at_hand > size else <int>at_hand
        memcpy(buffer, source.start + source.position, count)
        return count
    at_hand = source.held_position + source.held_size - source.position
    if source.position >= source.held_position and at_hand > 0:
        count = size if at_hand > size else <int>at_hand
        memcpy(buffer, source.held + source.position - source.held_position, count)
        return count
    if 0 <= source.size <= source.position:
        # Beyond the end nothing is read, and some file systems cannot even seek.
        return 0
    count = go_to_position(source)
    return fetch(source, buffer, size) if count == 0 else count


cdef inline int hold(Source *source, const uint8_t *buffer, int count) noexcept nogil:
    """Keep these bytes from where the next link begins, of which the demuxer may have had some.

    What was held before and has not been read yet follows them.
    """
    cdef int64_t begin = source.links.next_link
    cdef int64_t had = max(source.position - begin, 0)
    cdef int64_t skipped = max(begin - source.position, 0)
    cdef int64_t read_to = source.position + count
    cdef int64_t left = max(source.held_position + source.held_size - read_to, 0)
    cdef int64_t size = had + count - skipped
    cdef uint8_t *held = <uint8_t *>ff.av_malloc(size + left)
    if held == NULL:
        return ff.AVERROR(ENOMEM)
    memcpy(held, source.links.head, had)
    memcpy(held + had, buffer + skipped, count - skipped)
    if left > 0:
        memcpy(held + size, source.held + read_to - source.held_position, left)
    ff.av_freep(&source.held)
    source.held = held
    source.held_position = begin
    source.held_size = size + left
    return 0


cdef inline int read_link(Source *source, uint8_t *buffer, int size) noexcept nogil:
    """Read on in the present link of a chained Ogg.

    Where the next one may begin at once, the demuxer's buffer must stay as it is: at the end of a
    file it keeps it, and goes back in it.
    """
    cdef uint8_t *into = buffer
    cdef int count, linked
    if source.links.next_page <= source.position:
        if source.scratch == NULL:
            source.scratch = <uint8_t *>ff.av_malloc(IO_BUFFER_BYTES)
        if source.scratch == NULL:
            return ff.AVERROR(ENOMEM)
        into = source.scratch
        size = min(size, IO_BUFFER_BYTES)
    count = read_at_position(source, into, size)
    if count <= 0:
        return count
    linked = <int>link_bytes(&source.links, into, source.position, count)
    if linked < count and not source.seekable and source.position >= source.start_size:
        count = hold(source, into, count)
        if count < 0:
            return count
    if into != buffer and linked > 0:
        memcpy(buffer, into, linked)
    return linked


cdef inline int read_once(Source *source, uint8_t *buffer, int size) noexcept nogil:
    """Read on in the present link, as much as the source gives at once."""
    cdef int64_t left = size
    cdef int count
    if source.links.next_link > 0:
        left = min(left, source.links.next_link - source.position)
    if left <= 0:
        return 0
    if source.links.watched and source.links.next_link == 0:
        count = read_link(source, buffer, size)
    else:
        count = read_at_position(source, buffer, <int>left)
    if count > 0:
        source.position += count
    return count


cdef inline int read_callback(void *opaque, uint8_t *buffer, int size) noexcept nogil:
    cdef Source *source = <Source *>opaque
    cdef int got = read_once(source, buffer, size)
    cdef int count = got
    while source.fills and count > 0 and got < size:
        count = read_once(source, buffer + got, size - got)
        got += max(count, 0)
    return ff.AVERROR_EOF if got == 0 else got


cdef inline int peek(Source *source, int64_t offset, uint8_t *into, int size) noexcept nogil:
    """Read past the demuxer's back: bytes got, of an unseekable source no more than its start."""
    cdef int64_t position = source.position
    cdef int64_t at_hand = source.start_size - offset
    cdef int got = 0, count = 1
    if offset < 0 or (not source.seekable and at_hand <= 0):
        return 0
    if not source.seekable and size > at_hand:
        size = <int>at_hand
    source.position = offset
    while count > 0 and got < size:
        count = read_at_position(source, into + got, size - got)
        if count > 0:
            got += count
            source.position += count
    source.position = position
    return got


cdef inline int64_t seek_callback(void *opaque, int64_t offset, int whence) noexcept nogil:
    cdef Source *source = <Source *>opaque
    cdef int64_t target
    if whence & ff.AVSEEK_SIZE:
        # 0 is unknown: the MP3 demuxer takes an error for a huge size, and distrusts its tag.
        return source.size - source.links.origin if source.size >= 0 else 0
    whence &= ~ff.AVSEEK_FORCE
    if not source.seekable:
        return ff.AVERROR(ENOSYS)
    if whence == SEEK_SET:
        # Far too large where it overflows, which the check below finds.
        target = offset + source.links.origin if offset < INT64_MAX // 2 else INT64_MAX
    elif whence == SEEK_CUR:
        target = source.position + offset
    elif whence == SEEK_END and source.size >= 0:
        target = source.size + offset
    else:
        return ff.AVERROR(ENOSYS)
    if target < source.links.origin or target > INT64_MAX - source.base:
        return ff.AVERROR(EIO)
    source.position = target
    return target - source.links.origin


cdef inline void init_source(Source *source) noexcept nogil:
    memset(source, 0, sizeof(Source))
    source.fd = -1
    source.size = -1
    source.max_bytes = INT64_MAX
    source.deadline_ns = INT64_MAX


cdef inline void use_memory(Source *source, const uint8_t *data, int64_t size) noexcept nogil:
    source.kind = SourceKind.MEMORY
    source.start = data
    source.start_size = size
    source.size = size
    source.seekable = True


cdef inline object use_file_object(Source *source, object file):
    """Read from the present position, which is our byte 0, as far as the file object seeks."""
    source.kind = SourceKind.FILE_OBJECT
    source.file = <PyObject *>file
    seekable = getattr(file, "seekable", None)
    if seekable is None or not seekable():
        return
    base = file.tell()
    file.seek(0, 2)
    size = file.tell() - base
    if not 0 <= base <= INT64_MAX or size > INT64_MAX:
        raise ValueError(f"the file object's tell() returned {base} and, at its end, {base + size}")
    source.base = base
    source.size = size if size > 0 else -1      # files of /proc have content and no size
    file.seek(source.base)
    source.seekable = True


cdef inline int load_start(Source *source, int64_t capacity) noexcept nogil:
    """Read the first bytes, which are then served from memory."""
    cdef int count = 1
    source.owned = <uint8_t *>ff.av_malloc(capacity)
    if source.owned == NULL:
        return ff.AVERROR(ENOMEM)
    source.start = source.owned
    while count > 0 and source.start_size < capacity and source.start_size != source.size:
        count = watch(source)
        if count < 0:
            return count
        count = fetch(source, source.owned + source.start_size,
                      <int>(capacity - source.start_size))
        if count < 0:
            return count
        source.start_size += count
    return 0


cdef inline int use_path(Source *source, const char *path) noexcept nogil:
    cdef struct_stat status
    # O_NONBLOCK: opening a FIFO must not hang before its writer comes; poll() precedes the reads.
    source.fd = posix_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    source.kind = SourceKind.DESCRIPTOR
    if source.fd < 0 or fstat(source.fd, &status) < 0:
        return fail_with_errno(source)
    if S_ISDIR(status.st_mode):
        source.errnum = EISDIR
        return ff.AVERROR(EISDIR)
    source.waits = not S_ISREG(status.st_mode)
    source.seekable = not source.waits
    if source.waits:
        return 0
    # Files of /proc have content and no size.
    source.size = status.st_size if source.seekable and status.st_size > 0 else -1
    return 0


cdef inline int start_source(Source *source) noexcept nogil:
    """Have the first bytes at hand: all of a small file, which then costs few system calls."""
    cdef int64_t capacity = START_BYTES
    # Python has just looked for signals: the lock need not be taken at once.
    source.next_watch_ns = max(source.next_watch_ns, monotonic_ns() + WATCH_INTERVAL_NS)
    if source.size > source.max_bytes:
        source.offset = source.size
        source.stop = SourceStop.INPUT_TOO_LARGE
        return ff.AVERROR_EXIT
    if source.kind == SourceKind.MEMORY:
        return 0
    if source.kind == SourceKind.DESCRIPTOR and START_BYTES < source.size <= SMALL_FILE_BYTES:
        capacity = source.size
    return load_start(source, capacity)


cdef inline void rewind(Source *source) noexcept nogil:
    """Be at the first byte, as start_source() left it; what stopped it goes on."""
    ff.av_freep(&source.held)
    source.held_size = 0
    source.held_position = 0
    source.position = 0
    memset(&source.links, 0, sizeof(Links))


cdef inline void close_source(Source *source) noexcept nogil:
    if source.fd >= 0:
        posix_close(source.fd)
        source.fd = -1
    ff.av_freep(&source.owned)
    ff.av_freep(&source.held)
    ff.av_freep(&source.scratch)


cdef inline void drop_error(Source *source) noexcept:
    Py_XDECREF(source.error)
    source.error = NULL
