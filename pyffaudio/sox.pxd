"""The part of libsox's API that pyffaudio uses: real names, only the fields touched."""
from libc.stdint cimport int32_t, uint64_t


cdef extern from "sox.h" nogil:
    ctypedef int32_t sox_sample_t
    ctypedef int sox_bool
    ctypedef int sox_encoding_t

    enum:
        SOX_SUCCESS
        SOX_EOF
        SOX_SEEK_SET
        SOX_EFF_MCHAN
        SOX_EFF_MODIFY
        SOX_FILE_DEVICE
        SOX_ENCODING_SIGN2
        SOX_ENCODING_UNSIGNED
        SOX_ENCODING_FLOAT
        SOX_ENCODING_ULAW
        SOX_ENCODING_ALAW
        SOX_ENCODING_FLAC
        SOX_ENCODING_WAVPACK

    uint64_t SOX_UNSPEC
    uint64_t SOX_UNKNOWN_LEN

    struct sox_signalinfo_t:
        double rate
        unsigned channels
        unsigned precision
        uint64_t length             # samples of all channels

    struct sox_encodinginfo_t:
        sox_encoding_t encoding
        unsigned bits_per_sample

    enum sox_encodings_flags_t:
        sox_encodings_none          # lossless

    struct sox_encodings_info_t:
        sox_encodings_flags_t flags
        const char *desc

    struct sox_oob_t:
        char **comments

    struct sox_format_handler_t:
        const char *const *names
        unsigned flags
        int (*seek)(sox_format_t *format, uint64_t offset) noexcept nogil

    struct sox_format_t:
        sox_signalinfo_t signal
        sox_encodinginfo_t encoding
        char *filetype
        sox_oob_t oob
        uint64_t olength            # samples read so far
        int sox_errno
        char *sox_errstr
        sox_format_handler_t handler

    ctypedef const sox_format_handler_t *(*sox_format_fn_t)() noexcept nogil

    struct sox_format_tab_t:
        sox_format_fn_t fn

    struct sox_effect_handler_t:
        const char *name
        const char *usage
        unsigned flags
        int (*flow)(sox_effect_t *effect, const sox_sample_t *input, sox_sample_t *output,
                    size_t *input_samples, size_t *output_samples) noexcept nogil
        int (*drain)(sox_effect_t *effect, sox_sample_t *output,
                     size_t *output_samples) noexcept nogil
        int (*kill)(sox_effect_t *effect) noexcept nogil
        size_t priv_size

    struct sox_effect_t:
        sox_signalinfo_t out_signal
        sox_effect_handler_t handler
        void *priv

    struct sox_effects_chain_t:
        sox_effect_t **effects      # of each, one for each channel
        size_t length

    ctypedef const sox_effect_handler_t *(*sox_effect_fn_t)() noexcept nogil

    int sox_init()
    int sox_format_init()
    const sox_encodings_info_t *sox_get_encodings_info()

    const sox_format_tab_t *sox_get_format_fns()
    const sox_format_handler_t *sox_find_format(const char *name, sox_bool ignore_devices)
    sox_format_t *sox_open_read(const char *path, const sox_signalinfo_t *signal,
                                const sox_encodinginfo_t *encoding, const char *filetype)
    size_t sox_read(sox_format_t *format, sox_sample_t *samples, size_t most)
    int sox_seek(sox_format_t *format, uint64_t sample, int whence)
    int sox_close(sox_format_t *format)

    const sox_effect_fn_t *sox_get_effect_fns()
    const sox_effect_handler_t *sox_find_effect(const char *name)
    sox_effect_t *sox_create_effect(const sox_effect_handler_t *handler)
    int sox_effect_options(sox_effect_t *effect, int count, char **arguments)
    sox_effects_chain_t *sox_create_effects_chain(const sox_encodinginfo_t *input,
                                                  const sox_encodinginfo_t *output)
    int sox_add_effect(sox_effects_chain_t *chain, sox_effect_t *effect, sox_signalinfo_t *signal,
                       const sox_signalinfo_t *wanted)
    int sox_flow_effects(sox_effects_chain_t *chain,
                         int (*callback)(sox_bool all_done, void *data) noexcept nogil, void *data)
    void sox_delete_effects_chain(sox_effects_chain_t *chain)
