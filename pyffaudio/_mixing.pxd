"""How frames come to other channels: Session.find_conversion, from the modules with the rules."""
from pyffaudio cimport ffmpeg as ff
from pyffaudio._describe cimport channel_names
from pyffaudio._feed cimport feed_frame, feed_layout
from pyffaudio._media cimport Fault, fail
from pyffaudio._memory cimport MemoryAccount, count_memory
from pyffaudio._session cimport Session
from pyffaudio._source cimport keep_error


cdef inline list mixing_rows(const Session *session):
    """The matrix that brings frames like the waiting one to the target's channels, or None.

    By the level contract, at first; later, where it has no rule, by what comes nearest.
    """
    from pyffaudio.levels import continuing_matrix, mix_matrix
    from pyffaudio.rates import check_rates
    cdef const ff.AVFrame *frame = feed_frame(&session.feed)
    cdef list channels = channel_names(&frame.ch_layout)
    check_rates(frame.sample_rate, session.target.sample_rate)
    try:
        return mix_matrix(channels, session.target.num_channels)
    except ValueError:
        if not session.converter.has_run:
            raise
    first = channel_names(feed_layout(&session.feed))
    if len(first) != session.target.num_channels:
        first = [None] * session.target.num_channels
    return continuing_matrix(channels, first)


cdef inline int find_conversion(Session *session, double *matrix) noexcept with gil:
    """Session.find_conversion, from the modules that have the rules."""
    cdef Py_ssize_t place = 0
    cdef MemoryAccount *account = count_memory(NULL)
    cdef list rows = None
    try:
        rows = mixing_rows(session)
    except ValueError:
        return fail(&session.feed.media, Fault.CANNOT_CONVERT, 0, NULL)
    except BaseException as error:
        keep_error(&session.feed.source, error)      # of a signal's handler, for one
        return ff.AVERROR_EXIT
    finally:
        count_memory(account)
    if rows is None:
        return 0
    for row in rows:
        for weight in row:
            matrix[place] = weight
            place += 1
    return 1
