"""Between filter_plan.py and libavfilter: what filters there are, and the plan of a graph in C."""
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from pyffaudio cimport ffmpeg as ff
from pyffaudio._describe cimport text
from pyffaudio._graph cimport GraphPlan, Link, Node, Option, add_filter, forget_complaint, \
    put_words, set_options
from pyffaudio._memory cimport MemoryAccount, count_memory, open_account


cdef inline void free_plan(GraphPlan *plan) noexcept nogil:
    cdef int i
    if plan.nodes != NULL:
        for i in range(plan.num_nodes):
            free(plan.nodes[i].options)
    free(plan.nodes)
    free(plan.links)


cdef inline int fill_node(Node *node, bytes name, tuple options) except -1:
    """A node that points into these bytes, which the caller keeps."""
    cdef int i
    node.filter = name
    node.options = <Option *>calloc(len(options) + 1, sizeof(Option))
    if node.options == NULL:
        raise MemoryError
    node.num_options = <int>len(options)
    for i in range(node.num_options):
        node.options[i].name = options[i][0]
        node.options[i].value = options[i][1]
    return 0


cdef inline int fill_plan(GraphPlan *plan, tuple nodes, int ends, tuple links) except -1:
    cdef int i
    plan.ends = ends
    plan.nodes = <Node *>calloc(len(nodes) + 1, sizeof(Node))
    plan.links = <Link *>calloc(len(links) + 1, sizeof(Link))
    if plan.nodes == NULL or plan.links == NULL:
        raise MemoryError
    plan.num_nodes = <int>len(nodes)
    plan.num_links = <int>len(links)
    for i in range(plan.num_nodes):
        fill_node(&plan.nodes[i], nodes[i][0], nodes[i][1])
    for i in range(plan.num_links):
        plan.links[i].source, plan.links[i].source_pad, plan.links[i].target, \
            plan.links[i].target_pad = links[i]
    return 0


cdef inline list kinds_of(const ff.AVFilterPad *pads, unsigned int count):
    """What flows through each pad: "audio" or "video"."""
    return [text(ff.av_get_media_type_string(ff.avfilter_pad_get_type(pads, i)))
            for i in range(<int>count)]


cdef inline str words_of(int status):
    cdef char words[200]
    put_words(status, words, sizeof(words))
    return text(words)


cdef inline str what_is_out(ff.AVFilterContext *context, tuple bounds, dict values):
    """Which option is out of its bounds, if one is; all that can be read go into `values`."""
    cdef int64_t value = 0
    for name, least, most in bounds:
        if ff.av_opt_get_int(context, <bytes>name, ff.AV_OPT_SEARCH_CHILDREN, &value) < 0:
            continue
        values[name] = value
        if value != 0 and not least <= value <= most:
            return f"{text(name)} must be from {least} to {most}, not {value}"
    return ""


cdef inline tuple try_node(ff.AVFilterGraph *graph, const Node *node, tuple bounds,
                           MemoryAccount *memory):
    cdef ff.AVFilterContext *context = NULL
    cdef dict values = {}
    cdef int place = -1
    cdef int status
    forget_complaint()
    count_memory(memory)
    status = add_filter(graph, node.filter, &context)
    if status >= 0:
        status = set_options(context, node, &place)
    count_memory(NULL)
    if status < 0:
        return words_of(status), place, [], [], values
    words = what_is_out(context, bounds, values)
    if not words:
        count_memory(memory)
        status = ff.avfilter_init_str(context, NULL)
        count_memory(NULL)
        words = words_of(status) if status < 0 else ""
    if words:
        return words, -1, [], [], values
    return ("", -1, kinds_of(context.input_pads, context.nb_inputs),
            kinds_of(context.output_pads, context.nb_outputs), values)


cdef inline tuple try_filter(bytes name, tuple options, tuple bounds):
    cdef Node node
    cdef MemoryAccount memory
    cdef ff.AVFilterGraph *graph = ff.avfilter_graph_alloc()
    if graph == NULL:
        raise MemoryError
    memset(&memory, 0, sizeof(memory))
    open_account(&memory, 0)
    node.options = NULL
    try:
        fill_node(&node, name, options)
        return try_node(graph, &node, bounds, &memory)
    finally:
        free(node.options)
        ff.avfilter_graph_free(&graph)


cdef inline list filters_of_ffmpeg():
    """Name and purpose of each filter from audio to audio, as far as that is known beforehand."""
    cdef void *state = NULL
    cdef const ff.AVFilter *filter = ff.av_filter_iterate(&state)
    cdef list found = []
    while filter != NULL:
        if is_of_audio(filter):
            found.append((text(filter.name), text(filter.description)))
        filter = ff.av_filter_iterate(&state)
    return found


cdef inline bint is_of_audio(const ff.AVFilter *filter) noexcept:
    cdef unsigned int inputs = ff.avfilter_filter_pad_count(filter, 0)
    cdef unsigned int outputs = ff.avfilter_filter_pad_count(filter, 1)
    cdef unsigned int i
    for i in range(inputs):
        if ff.avfilter_pad_get_type(filter.inputs, i) != ff.AVMEDIA_TYPE_AUDIO:
            return False
    for i in range(outputs):
        if ff.avfilter_pad_get_type(filter.outputs, i) != ff.AVMEDIA_TYPE_AUDIO:
            return False
    return inputs + outputs > 0


cdef inline list options_of_filter(bytes name):
    """Name and place of each option, in the order that positional arguments have."""
    cdef const ff.AVFilter *filter = ff.avfilter_get_by_name(name)
    cdef const ff.AVOption *option
    cdef list found = []
    if filter == NULL or filter.priv_class == NULL:
        return found
    option = ff.av_opt_next(&filter.priv_class, NULL)
    while option != NULL:
        if option.type != ff.AV_OPT_TYPE_CONST:
            found.append((text(option.name), option.offset))
        option = ff.av_opt_next(&filter.priv_class, option)
    return found
