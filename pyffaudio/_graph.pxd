"""A filter graph: decoded frames go in, and what comes of them comes out.

What it is made of was checked in filter_plan.py. Here it is built for frames of one kind, fed one
of them at a time, drained at the end, and built anew where frames of another kind follow.
"""
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memset

from pyffaudio cimport ffmpeg as ff
from pyffaudio._floats cimport is_float, tame_frame
from pyffaudio._media cimport Fault, Media, Policy, fail
from pyffaudio._source cimport Source, watch
from pyffaudio._timeline cimport consume_frame, next_frame


cdef extern from *:
    """
    #include <stddef.h>
    #include <stdio.h>
    #include <string.h>
    #include <libavfilter/avfilter.h>
    #include <libavutil/error.h>
    #include <libavutil/log.h>
    /* As in _demuxer.pxd: a copy of the class, whose level offset is in a field that is only read
       where pictures are filtered by hardware. */
    static AVClass pyffaudio_quiet_filter_class;
    static inline void pyffaudio_quieten_filter(AVFilterContext *context) {
        context->extra_hw_frames = PYFFAUDIO_QUIET;
        context->av_class = &pyffaudio_quiet_filter_class;
    }
    /* What a filter has complained of first, in this thread. Only the bundled FFmpeg's log is ours
       to listen to. */
    static __thread char pyffaudio_complaint[200];
    static inline void pyffaudio_listen(void *object, int level, const char *format, va_list list) {
        if (PYFFAUDIO_QUIET < level && level <= PYFFAUDIO_QUIET + AV_LOG_ERROR
                && !pyffaudio_complaint[0]) {
            vsnprintf(pyffaudio_complaint, sizeof(pyffaudio_complaint), format, list);
            pyffaudio_complaint[strcspn(pyffaudio_complaint, "\\n")] = 0;
        }
    }
    static inline void pyffaudio_forget_complaint(void) { pyffaudio_complaint[0] = 0; }
    static inline void pyffaudio_put_words(int status, char *words, size_t size) {
        if (pyffaudio_complaint[0])
            snprintf(words, size, "%s", pyffaudio_complaint);
        else
            av_strerror(status, words, size);
    }
    static inline void pyffaudio_init_filters(void) {
        pyffaudio_quiet_filter_class = *avfilter_get_class();
        pyffaudio_quiet_filter_class.log_level_offset_offset =
            offsetof(AVFilterContext, extra_hw_frames);
        if (PYFFAUDIO_BUNDLED) av_log_set_callback(pyffaudio_listen);
    }
    """
    void quieten_filter "pyffaudio_quieten_filter" (ff.AVFilterContext *context) nogil
    void init_filters "pyffaudio_init_filters" ()
    void forget_complaint "pyffaudio_forget_complaint" () nogil
    void put_words "pyffaudio_put_words" (int status, char *words, size_t size) nogil

cdef enum:
    LEAST_RATE = 1000           # below, some filters divide by zero
    MOST_GIVEN = 131072         # frames at once: the longest of WavPack; only PCM has longer ones

cdef struct Option:
    const char *name
    const char *value

cdef struct Node:
    const char *filter
    Option *options
    int num_options

# From a pad to a pad, each of a filter, counted in the order that they are made in.
cdef struct Link:
    int source
    int source_pad
    int target
    int target_pad

cdef struct GraphPlan:
    Node *nodes
    int num_nodes
    int ends                    # the place of the graph's input and output in that order
    Link *links
    int num_links
    int64_t max_bytes           # that may go in within one call

cdef struct Graph:
    const GraphPlan *plan       # NULL: no filters
    ff.AVFilterGraph *graph
    ff.AVFilterContext *source
    ff.AVFilterContext *sink
    int rate                    # of what goes in
    int format
    ff.AVChannelLayout layout
    int out_rate                # of what comes out
    ff.AVSampleFormat out_format
    ff.AVChannelLayout out_layout
    ff.AVFrame *frame           # what came out last
    bint has_frame              # and is not yet consumed
    bint drains                 # it was told that nothing more goes in
    bint ended                  # nothing more comes out
    int error                   # that ended it, and all calls answer
    int64_t origin              # the first frame that goes in, at the rate of the stream's first
    int64_t stop                # the frame before which the last one is
    int given                   # of the frame that is waiting
    int64_t frames_in           # so far, at `rate`
    int64_t bytes_in            # of this call
    char[200] words             # of FFmpeg, about what failed


cdef inline void init_graph(Graph *graph, const GraphPlan *plan) noexcept nogil:
    graph.plan = plan
    graph.stop = INT64_MAX


cdef inline int add_filter(ff.AVFilterGraph *graph, const char *name,
                           ff.AVFilterContext **context) noexcept nogil:
    """Have a filter in the graph that has its options' defaults, and is still to be initialised."""
    cdef const ff.AVFilter *filter = ff.avfilter_get_by_name(name)
    if filter == NULL:
        return ff.AVERROR_FILTER_NOT_FOUND
    context[0] = ff.avfilter_graph_alloc_filter(graph, filter, NULL)
    if context[0] == NULL:
        return ff.AVERROR(ENOMEM)
    quieten_filter(context[0])
    return 0


cdef inline int set_options(ff.AVFilterContext *context, const Node *node,
                            int *place) noexcept nogil:
    """Set all options; where one is refused, `place` says which."""
    cdef int status = 0
    place[0] = 0
    while status >= 0 and place[0] < node.num_options:
        status = ff.av_opt_set(context, node.options[place[0]].name,
                               node.options[place[0]].value, ff.AV_OPT_SEARCH_CHILDREN)
        if status >= 0:
            place[0] += 1
    return status


cdef inline int add_node(ff.AVFilterGraph *graph, const Node *node) noexcept nogil:
    cdef ff.AVFilterContext *context = NULL
    cdef int place = 0
    cdef int status = add_filter(graph, node.filter, &context)
    if status >= 0:
        status = set_options(context, node, &place)
    return ff.avfilter_init_str(context, NULL) if status >= 0 else status


cdef inline int add_source(Graph *graph) noexcept nogil:
    cdef ff.AVBufferSrcParameters *parameters = ff.av_buffersrc_parameters_alloc()
    cdef int status = ff.AVERROR(ENOMEM)
    if parameters != NULL:
        status = add_filter(graph.graph, "abuffer", &graph.source)
    if status >= 0:
        parameters.format = graph.format
        parameters.sample_rate = graph.rate
        parameters.time_base.num = 1
        parameters.time_base.den = graph.rate
        parameters.ch_layout = graph.layout
        status = ff.av_buffersrc_parameters_set(graph.source, parameters)
    if status >= 0:
        status = ff.avfilter_init_str(graph.source, NULL)
    ff.av_free(parameters)
    return status


cdef inline int add_sink(Graph *graph) noexcept nogil:
    cdef int status = add_filter(graph.graph, "abuffersink", &graph.sink)
    if status >= 0:
        # Channels that nothing names may come out, which later FFmpegs need not be told.
        ff.av_opt_set(graph.sink, "all_channel_counts", "1", ff.AV_OPT_SEARCH_CHILDREN)
    return ff.avfilter_init_str(graph.sink, NULL) if status >= 0 else status


cdef inline int add_filters(Graph *graph) noexcept nogil:
    """In the order that the ffmpeg command makes them in, which decides between equal formats."""
    cdef const GraphPlan *plan = graph.plan
    cdef int status = 0
    cdef int i
    for i in range(plan.num_nodes + 1):
        if status >= 0 and i == plan.ends:
            status = add_source(graph)
            if status >= 0:
                status = add_sink(graph)
        if status >= 0 and i < plan.num_nodes:
            status = add_node(graph.graph, &plan.nodes[i])
    return status


cdef inline int link_nodes(Graph *graph) noexcept nogil:
    cdef ff.AVFilterContext **made = graph.graph.filters
    cdef int status = 0
    cdef int i
    for i in range(graph.plan.num_links):
        if status >= 0:
            status = ff.avfilter_link(
                made[graph.plan.links[i].source], graph.plan.links[i].source_pad,
                made[graph.plan.links[i].target], graph.plan.links[i].target_pad)
    return status


cdef inline int build(Graph *graph) noexcept nogil:
    """Build the graph for frames of `rate`, `format` and `layout`, and see what comes out."""
    cdef int status
    graph.graph = ff.avfilter_graph_alloc()
    if graph.frame == NULL:
        graph.frame = ff.av_frame_alloc()
    if graph.graph == NULL or graph.frame == NULL:
        return ff.AVERROR(ENOMEM)
    graph.graph.nb_threads = 1
    forget_complaint()
    status = add_filters(graph)
    if status >= 0:
        status = link_nodes(graph)
    if status >= 0:
        status = ff.avfilter_graph_config(graph.graph, NULL)
    if status < 0:
        return status
    graph.drains = False
    graph.out_rate = ff.av_buffersink_get_sample_rate(graph.sink)
    graph.out_format = <ff.AVSampleFormat>ff.av_buffersink_get_format(graph.sink)
    ff.av_channel_layout_uninit(&graph.out_layout)
    return ff.av_buffersink_get_ch_layout(graph.sink, &graph.out_layout)


cdef inline int end_in_error(Graph *graph, int status) noexcept nogil:
    """Nothing may be asked of a graph that failed, which may be half built."""
    ff.avfilter_graph_free(&graph.graph)
    graph.source = NULL
    graph.sink = NULL
    graph.error = status
    return status


cdef inline int fail_in_graph(Graph *graph, Media *media, int status) noexcept nogil:
    """What the exception says, unless memory is short."""
    if status == ff.AVERROR(ENOMEM):
        return end_in_error(graph, status)
    put_words(status, graph.words, sizeof(graph.words))
    return end_in_error(graph, fail(media, Fault.FILTERS_FAILED, 0, graph.words))


cdef inline int exceed(Graph *graph, Media *media, Fault limit, int64_t value) noexcept nogil:
    return end_in_error(graph, fail(media, limit, value, NULL))


cdef inline void name_channels(ff.AVChannelLayout *layout) noexcept nogil:
    """As the ffmpeg command does, take channels that nothing names for the usual ones."""
    if layout.order == ff.AV_CHANNEL_ORDER_UNSPEC:
        ff.av_channel_layout_default(layout, layout.nb_channels)


cdef inline int open_graph(Graph *graph, Media *media, const Policy *policy, int rate, int format,
                           const ff.AVChannelLayout *layout) noexcept nogil:
    """Build the graph for frames like these, within the limits."""
    cdef int status
    if rate < LEAST_RATE:
        return end_in_error(graph, fail(media, Fault.FILTERS_FAILED, rate,
                                        "its sample rate is less than 1000 Hz"))
    ff.avfilter_graph_free(&graph.graph)
    if graph.rate > 0:
        graph.frames_in = ff.av_rescale(graph.frames_in, rate, graph.rate)
    graph.rate = rate
    graph.format = format
    ff.av_channel_layout_uninit(&graph.layout)
    status = ff.av_channel_layout_copy(&graph.layout, layout)
    name_channels(&graph.layout)
    if status >= 0:
        status = build(graph)
    if status < 0:
        return fail_in_graph(graph, media, status)
    if graph.out_layout.nb_channels > policy.max_channels:
        return exceed(graph, media, Fault.TOO_MANY_CHANNELS, graph.out_layout.nb_channels)
    if graph.out_rate > policy.max_sample_rate:
        return exceed(graph, media, Fault.RATE_TOO_HIGH, graph.out_rate)
    return 1


cdef inline bint suits_graph(const Graph *graph, const ff.AVFrame *frame) noexcept nogil:
    """Whether the graph was built for frames like this one."""
    return frame.format == graph.format and frame.sample_rate == graph.rate \
        and frame.ch_layout.nb_channels == graph.layout.nb_channels \
        and (frame.ch_layout.order == ff.AV_CHANNEL_ORDER_UNSPEC
             or ff.av_channel_layout_compare(&frame.ch_layout, &graph.layout) == 0)


cdef inline int give(Graph *graph, Media *media, int skip, int count) noexcept nogil:
    """Give the graph a copy of a part of the waiting frame: filters expect memory that is aligned,
    padded and theirs to write in.
    """
    cdef ff.AVFrame *frame = ff.av_frame_alloc()
    cdef int status = ff.AVERROR(ENOMEM)
    if frame == NULL:
        return status
    frame.format = graph.format
    frame.sample_rate = graph.rate
    frame.nb_samples = count
    frame.pts = graph.frames_in
    status = ff.av_channel_layout_copy(&frame.ch_layout, &graph.layout)
    if status >= 0:
        status = ff.av_frame_get_buffer(frame, 0)
    if status >= 0:
        ff.av_samples_copy(frame.extended_data, media.frame.extended_data, 0, skip,
                           count, graph.layout.nb_channels, <ff.AVSampleFormat>graph.format)
        if is_float(<ff.AVSampleFormat>graph.format):
            status = tame_frame(frame)      # some filters never come back from what is no number
    if status >= 0:
        status = ff.av_buffersrc_add_frame_flags(graph.source, frame, 0)
    ff.av_frame_free(&frame)
    return status


cdef inline int frames_until(const Media *media, int64_t position) noexcept nogil:
    """How many frames of the waiting one come before this position of the stream."""
    cdef int64_t begin = media.decoded_frames
    cdef int most = media.frame.nb_samples
    # So far off that it need not be multiplied.
    if position - begin > <int64_t>most * media.first_rate:
        return most
    return <int>min(most, ff.av_rescale(max(position - begin, 0), media.frame.sample_rate,
                                        media.first_rate))


cdef inline int feed_frame_on(Graph *graph, Media *media) noexcept nogil:
    """Have the waiting frame, as far as it is wanted, go into the graph, a long one in pieces."""
    cdef int size = ff.av_get_bytes_per_sample(<ff.AVSampleFormat>graph.format)
    cdef int begin = frames_until(media, graph.origin) + graph.given
    cdef int left = frames_until(media, graph.stop) - begin
    cdef int count = min(left, MOST_GIVEN)
    cdef int status = 0
    if count > 0:
        graph.bytes_in += <int64_t>count * size * graph.layout.nb_channels
        if graph.bytes_in > graph.plan.max_bytes:
            return exceed(graph, media, Fault.TOO_MUCH_TO_FILTER, graph.plan.max_bytes)
        status = give(graph, media, begin, count)
        graph.frames_in += count
    if status < 0:
        return fail_in_graph(graph, media, status)
    graph.given += count
    if left <= count:
        graph.given = 0
        consume_frame(media)
    return 0


cdef inline int feed_graph(Graph *graph, Media *media, Source *source,
                           const Policy *policy) noexcept nogil:
    """Have another frame go in, or tell the graph that no more will."""
    cdef int status = 0
    if media.decoded_frames < graph.stop:
        status = next_frame(media, source, policy)
        if status < 0:
            return status
        if status > 0 and suits_graph(graph, media.frame):
            return feed_frame_on(graph, media)
    graph.drains = True
    status = ff.av_buffersrc_add_frame_flags(graph.source, NULL, 0)
    return fail_in_graph(graph, media, status) if status < 0 else 0


cdef inline int end_build(Graph *graph, Media *media, const Policy *policy) noexcept nogil:
    """Nothing more comes out: go on with frames of another kind, if these have ended it."""
    cdef const ff.AVFrame *frame = media.frame
    if not graph.drains or media.decoded_frames >= graph.stop or not media.has_frame:
        graph.ended = True
        return 0
    return open_graph(graph, media, policy, frame.sample_rate, frame.format, &frame.ch_layout)


cdef inline int next_filtered(Graph *graph, Media *media, Source *source,
                              const Policy *policy) noexcept nogil:
    """Have the next frame that comes out in `graph.frame`, unless it still holds one."""
    cdef int status = 1
    while status >= 0 and not graph.has_frame:
        if graph.ended or graph.error < 0:
            return graph.error
        status = watch(source)
        if status < 0:
            return status
        status = ff.av_buffersink_get_frame_flags(graph.sink, graph.frame, 0)
        if status >= 0:
            graph.has_frame = graph.frame.nb_samples > 0
        elif status == ff.AVERROR_EOF:
            status = end_build(graph, media, policy)
        elif status == ff.AVERROR(EAGAIN) and not graph.drains:
            status = feed_graph(graph, media, source, policy)
        else:
            status = fail_in_graph(graph, media, status)
    return 1 if status >= 0 else status


cdef inline void consume_filtered(Graph *graph) noexcept nogil:
    graph.has_frame = False
    ff.av_frame_unref(graph.frame)


cdef inline void close_graph(Graph *graph) noexcept nogil:
    """Release all but the plan, so that the graph can be opened anew."""
    cdef const GraphPlan *plan = graph.plan
    ff.avfilter_graph_free(&graph.graph)
    ff.av_frame_free(&graph.frame)
    ff.av_channel_layout_uninit(&graph.layout)
    ff.av_channel_layout_uninit(&graph.out_layout)
    memset(graph, 0, sizeof(Graph))
    init_graph(graph, plan)
