"""A chain of effects between two arrays, through handlers of our own at either end.

libsox runs all of a chain in one call. Our callback is asked after each step, gives the lock away,
and looks whether to go on.
"""
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pyffaudio cimport sox
from pyffaudio._sox_library cimport Watch, lock, look, unlock
from pyffaudio._sox_samples cimport Place, load, store


# What the effect before a meter may give: one behind it keeps all of that in a file.
cdef struct Meter:
    int64_t left                # samples
    bint exceeded

cdef struct Flow:
    Place source
    int64_t source_frames       # that are left
    Place target
    int64_t filled              # frames
    int64_t capacity
    int64_t room                # as many are wanted; what goes beyond is only noticed
    bint exceeded
    Meter meter
    Watch watch
    bint stopped
    PyObject *owner
    # Gives the target room for so many frames: 0, or else -1. Called without the lock.
    int (*make_room)(Flow *flow, int64_t frames) noexcept nogil


cdef inline Flow *flow_of(sox.sox_effect_t *effect) noexcept nogil:
    return (<Flow **>effect.priv)[0]


cdef inline int give_source(sox.sox_effect_t *effect, sox.sox_sample_t *output,
                            size_t *samples) noexcept nogil:
    cdef Flow *flow = flow_of(effect)
    cdef int channels = flow.source.num_channels
    cdef int64_t count = min(flow.source_frames, <int64_t>samples[0] // channels)
    load(&flow.source, output, count)
    flow.source_frames -= count
    samples[0] = <size_t>(count * channels)
    return sox.SOX_SUCCESS if count > 0 else sox.SOX_EOF


cdef inline int take_result(sox.sox_effect_t *effect, const sox.sox_sample_t *samples,
                            sox.sox_sample_t *output, size_t *count,
                            size_t *output_count) noexcept nogil:
    cdef Flow *flow = flow_of(effect)
    cdef int64_t frames = <int64_t>count[0] // flow.target.num_channels
    cdef int status
    output_count[0] = 0
    if frames > flow.room - flow.filled:
        frames = flow.room - flow.filled
        flow.exceeded = True
    if flow.filled + frames > flow.capacity:
        unlock()
        status = flow.make_room(flow, flow.filled + frames)
        lock()
        if status < 0:
            flow.stopped = True
            return sox.SOX_EOF
    store(&flow.target, samples, frames)
    flow.filled += frames
    return sox.SOX_EOF if flow.exceeded else sox.SOX_SUCCESS


cdef inline int pass_meter(sox.sox_effect_t *effect, const sox.sox_sample_t *samples,
                           sox.sox_sample_t *output, size_t *count,
                           size_t *output_count) noexcept nogil:
    cdef Meter *meter = &flow_of(effect).meter
    count[0] = output_count[0] = min(count[0], output_count[0])
    meter.left -= <int64_t>count[0]
    if meter.left < 0:
        meter.exceeded = True
        return sox.SOX_EOF
    memcpy(output, samples, count[0] * sizeof(sox.sox_sample_t))
    return sox.SOX_SUCCESS


cdef inline int after_step(sox.sox_bool all_done, void *data) noexcept nogil:
    cdef Flow *flow = <Flow *>data
    if not flow.stopped:
        unlock()
        flow.stopped = look(&flow.watch) < 0
        lock()
    return sox.SOX_EOF if flow.stopped or flow.exceeded or flow.meter.exceeded \
        else sox.SOX_SUCCESS


cdef inline int add_own(sox.sox_effects_chain_t *chain, const sox.sox_effect_handler_t *handler,
                        Flow *flow, sox.sox_signalinfo_t *signal) noexcept nogil:
    """Add an effect of ours; the lock is held, as for the next one."""
    cdef sox.sox_signalinfo_t wanted = signal[0]
    cdef sox.sox_effect_t *effect = sox.sox_create_effect(handler)
    cdef int status
    (<Flow **>effect.priv)[0] = flow
    status = sox.sox_add_effect(chain, effect, signal, &wanted)
    free(effect)
    return status


cdef inline sox.sox_effect_t *new_effect(const char *name, char **arguments,
                                         int count) noexcept nogil:
    """An effect that has understood its arguments, or NULL."""
    cdef sox.sox_effect_t *effect = sox.sox_create_effect(sox.sox_find_effect(name))
    if sox.sox_effect_options(effect, count, arguments) == sox.SOX_SUCCESS:
        return effect
    # Not to be killed: some have done that themselves.
    free(effect.priv)
    free(effect)
    return NULL


cdef inline void drop_effect(sox.sox_effect_t *effect) noexcept nogil:
    """Free an effect that is in no chain."""
    effect.handler.kill(effect)
    free(effect.priv)
    free(effect)


cdef inline int add_effect(sox.sox_effects_chain_t *chain, sox.sox_effect_t *effect,
                           sox.sox_signalinfo_t *signal,
                           const sox.sox_signalinfo_t *wanted) noexcept nogil:
    """Add an effect, which is taken over in any case; the signal becomes what it gives."""
    cdef int status = sox.sox_add_effect(chain, effect, signal, wanted)
    if status == sox.SOX_SUCCESS:
        free(effect)            # the chain has a copy of it, and what belonged to it
    else:
        drop_effect(effect)
    return status


cdef inline void run_chain(sox.sox_effects_chain_t *chain, Flow *flow) noexcept nogil:
    lock()
    sox.sox_flow_effects(chain, after_step, flow)
    unlock()


cdef inline void fill_handler(sox.sox_effect_handler_t *handler, const char *name) noexcept:
    memset(handler, 0, sizeof(handler[0]))
    handler.name = name
    handler.flags = sox.SOX_EFF_MCHAN | sox.SOX_EFF_MODIFY
    handler.priv_size = sizeof(Flow *)
