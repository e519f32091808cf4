"""Which container a file is in: FFmpeg's demuxer as a bit, so that to ask costs nothing."""
from libc.string cimport strlen, strncmp


# Those that anything depends on, and 0 for the others.
cdef enum Container:
    AAC = 1 << 0
    AC3 = 1 << 1
    AIFF = 1 << 2
    AMR = 1 << 3
    APE = 1 << 4
    ASF = 1 << 5
    AU = 1 << 6
    AVI = 1 << 7
    CAF = 1 << 8
    DSF = 1 << 9
    DTS = 1 << 10
    EAC3 = 1 << 11
    FLAC = 1 << 12
    FLV = 1 << 13
    IFF = 1 << 14
    LOAS = 1 << 15
    MATROSKA = 1 << 16
    MLP = 1 << 17
    MOV = 1 << 18
    MP3 = 1 << 19
    MPEG = 1 << 20
    MPEGTS = 1 << 21
    OGG = 1 << 22
    QOA = 1 << 23
    TAK = 1 << 24
    TRUEHD = 1 << 25
    TTA = 1 << 26
    W64 = 1 << 27
    WAV = 1 << 28
    WV = 1 << 29


cdef inline int container_of(const char *demuxer) noexcept nogil:
    """The container of the first of a demuxer's names, which are comma-separated."""
    cdef const char **names = [
        "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "eac3",
        "flac", "flv", "iff", "loas", "matroska", "mlp", "mov", "mp3", "mpeg", "mpegts", "ogg",
        "qoa", "tak", "truehd", "tta", "w64", "wav", "wv"]
    cdef size_t length
    cdef int i
    for i in range(30):
        length = strlen(names[i])
        if strncmp(demuxer, names[i], length) == 0 and (
                demuxer[length] == b',' or demuxer[length] == 0):
            return 1 << i
    return 0
