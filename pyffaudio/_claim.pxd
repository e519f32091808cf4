"""Flags that threads share: who may use a decoder, and whether all are to stop.

One at a time uses a decoder, and another is told at once.
"""


cdef extern from *:
    """
    /* Without a global lock, two threads may ask at the same time. */
    #define PYFFAUDIO_CLAIM(flag) (__atomic_exchange_n((flag), 1, __ATOMIC_ACQUIRE) == 0)
    #define PYFFAUDIO_RELEASE(flag) __atomic_store_n((flag), 0, __ATOMIC_RELEASE)
    #define PYFFAUDIO_RAISE(flag) __atomic_store_n((flag), 1, __ATOMIC_RELEASE)
    #define PYFFAUDIO_IS_RAISED(flag) __atomic_load_n((flag), __ATOMIC_ACQUIRE)
    """
    bint claim "PYFFAUDIO_CLAIM" (int *flag)
    void release "PYFFAUDIO_RELEASE" (int *flag)
    void raise_flag "PYFFAUDIO_RAISE" (int *flag)
    bint is_raised "PYFFAUDIO_IS_RAISED" (const int *flag) nogil
