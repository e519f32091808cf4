"""Who may use a decoder: one at a time, and another is told at once."""


cdef extern from *:
    """
    /* Without a global lock, two threads may ask at the same time. */
    #define PYFFAUDIO_CLAIM(flag) (__atomic_exchange_n((flag), 1, __ATOMIC_ACQUIRE) == 0)
    #define PYFFAUDIO_RELEASE(flag) __atomic_store_n((flag), 0, __ATOMIC_RELEASE)
    """
    bint claim "PYFFAUDIO_CLAIM" (int *flag)
    void release "PYFFAUDIO_RELEASE" (int *flag)
