"""What libsox shares among all who use it in a process: one lock, and what it says.

Formats once opened keep to themselves, and are read side by side. All else is not safe to enter
twice: finding, opening and closing formats, parsing options (strtok), the FFT tables of effects
(whose own lock lets a real transform write behind a complex one). One lock is round each of these;
a chain gives it away after each step. Nobody who has it waits for the GIL. It is held over a fork,
so that no child finds libsox halfway through something.
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport INT64_MAX, int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from pyffaudio._interpreter cimport stay_if_ended


cdef extern from *:
    """
    #include <pthread.h>
    #include <stdarg.h>
    #include <stdio.h>
    #include <string.h>
    #include <sox.h>

    static pthread_mutex_t pyffaudio_sox_mutex = PTHREAD_MUTEX_INITIALIZER;

    static void pyffaudio_sox_lock(void) { pthread_mutex_lock(&pyffaudio_sox_mutex); }
    static void pyffaudio_sox_unlock(void) { pthread_mutex_unlock(&pyffaudio_sox_mutex); }

    /* What libsox has complained of in this thread: it has no other way to say what is wrong. */
    static __thread char pyffaudio_sox_said[4096];

    static void pyffaudio_sox_listen(unsigned level, const char *file, const char *format,
                                     va_list arguments)
    {
        char *said = pyffaudio_sox_said;
        size_t length = strlen(said), room = sizeof(pyffaudio_sox_said) - length;
        (void)file;
        if (level != 1) /* a failure */
            return;
        if (length && room > 3) {
            strcpy(said + length, "; ");
            length += 2, room -= 2;
        }
        vsnprintf(said + length, room, format, arguments);
    }

    static const char *pyffaudio_sox_words(void) { return pyffaudio_sox_said; }
    static void pyffaudio_sox_forget(void) { pyffaudio_sox_said[0] = 0; }

    /* Once in a process: a second sox_init() fails an assertion of libsox's. */
    static int pyffaudio_sox_start(void)
    {
        if (pthread_atfork(pyffaudio_sox_lock, pyffaudio_sox_unlock, pyffaudio_sox_unlock))
            return SOX_EOF;
        sox_get_globals()->output_message_handler = pyffaudio_sox_listen;
        return sox_init() == SOX_SUCCESS && sox_format_init() == SOX_SUCCESS
            ? SOX_SUCCESS : SOX_EOF;
    }
    """
    void lock "pyffaudio_sox_lock" () nogil
    void unlock "pyffaudio_sox_unlock" () nogil
    const char *words_of_libsox "pyffaudio_sox_words" () nogil
    void forget_words "pyffaudio_sox_forget" () nogil
    int start_libsox "pyffaudio_sox_start" ()


cdef enum:
    WATCH_INTERVAL_NS = 40_000_000

# What may end a call from outside, looked at between two steps of libsox's.
cdef struct Watch:
    int64_t deadline_ns
    int64_t next_look_ns        # at waiting signals
    bint timed_out
    PyObject *error             # that Python raised meanwhile, to be raised again later


cdef inline int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000000000 + now.tv_nsec


cdef inline void start_watch(Watch *watch, int64_t timeout_ns) noexcept nogil:
    cdef int64_t now = monotonic_ns()
    watch.timed_out = False
    watch.deadline_ns = now + timeout_ns if timeout_ns > 0 else INT64_MAX
    watch.next_look_ns = now + WATCH_INTERVAL_NS


cdef inline void keep_error(Watch *watch, object error) noexcept:
    if watch.error == NULL:
        Py_INCREF(error)
        watch.error = <PyObject *>error


cdef inline object kept_error(Watch *watch):
    """The exception that was kept, which is then no more; or None."""
    cdef object error = None
    if watch.error != NULL:
        error = <object>watch.error
        Py_XDECREF(watch.error)
        watch.error = NULL
    return error


cdef inline int look_at_signals(Watch *watch) noexcept with gil:
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        keep_error(watch, error)
        return -1
    return 0


cdef inline int look(Watch *watch) noexcept nogil:
    """Whether the call may go on: 0, or else -1. Never with the lock held."""
    cdef int64_t now = monotonic_ns()
    if now >= watch.deadline_ns:
        watch.timed_out = True
        return -1
    if now >= watch.next_look_ns:
        watch.next_look_ns = now + WATCH_INTERVAL_NS
        stay_if_ended()
        return look_at_signals(watch)
    return 0


cdef inline bint cannot_tell():
    """Whether libsox has just failed for want of a type that it knows."""
    return b"can't determine type" in words_of_libsox()
