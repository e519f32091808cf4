"""What the converter is fed: decoded frames, or what a filter graph makes of them."""
from pyffaudio cimport ffmpeg as ff
from pyffaudio._graph cimport (
    Graph, close_graph, consume_filtered, next_filtered, open_graph)
from pyffaudio._media cimport Media, Policy
from pyffaudio._open cimport close_media
from pyffaudio._source cimport Source
from pyffaudio._timeline cimport consume_frame, next_frame, open_media


cdef struct Feed:
    Source source
    Media media
    Policy policy
    Graph graph


cdef inline bint is_filtered(const Feed *feed) noexcept nogil:
    return feed.graph.plan != NULL


cdef inline int open_feed(Feed *feed, ff.AVDictionary **options) noexcept nogil:
    """Open the stream up to its first frame, and the graph for frames like it."""
    cdef Media *media = &feed.media
    cdef int status = open_media(media, &feed.source, &feed.policy, options)
    if status >= 0 and is_filtered(feed):
        status = open_graph(&feed.graph, media, &feed.policy, media.first_rate, media.first_format,
                            &media.first_layout)
    return status


cdef inline void close_feed(Feed *feed) noexcept nogil:
    """Release all but the source."""
    close_graph(&feed.graph)
    close_media(&feed.media)


cdef inline int next_feed(Feed *feed) noexcept nogil:
    """Have the next frame ready, unless there still is one; 0 at the end."""
    if is_filtered(feed):
        return next_filtered(&feed.graph, &feed.media, &feed.source, &feed.policy)
    return next_frame(&feed.media, &feed.source, &feed.policy)


cdef inline ff.AVFrame *feed_frame(const Feed *feed) noexcept nogil:
    """The frame that is ready."""
    return feed.graph.frame if is_filtered(feed) else feed.media.frame


cdef inline void consume_feed(Feed *feed) noexcept nogil:
    if is_filtered(feed):
        consume_filtered(&feed.graph)
    else:
        consume_frame(&feed.media)


# --- What the first frame is like, which need not have come yet


cdef inline int feed_rate(const Feed *feed) noexcept nogil:
    return feed.graph.out_rate if is_filtered(feed) else feed.media.first_rate


cdef inline const ff.AVChannelLayout *feed_layout(const Feed *feed) noexcept nogil:
    return &feed.graph.out_layout if is_filtered(feed) else &feed.media.first_layout


cdef inline ff.AVSampleFormat feed_format(const Feed *feed) noexcept nogil:
    if is_filtered(feed):
        return feed.graph.out_format
    return <ff.AVSampleFormat>feed.media.first_format
