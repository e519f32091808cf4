"""Before Python's lock is asked for: whether there is an interpreter to have it of.

A daemon thread may still be decoding when the interpreter has ended. To ask for its lock would be a
crash then; the process is about to exit, and all there is to do is to wait for that.
"""

cdef extern from *:
    """
    #include <unistd.h>
    static inline void pyffaudio_stay_if_ended(void) {
        while (!Py_IsInitialized())
            pause();
    }
    """
    void stay_if_ended "pyffaudio_stay_if_ended" () nogil
