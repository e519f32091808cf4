"""What was found wrong on the way, and where."""
from libc.stdint cimport INT64_MAX, int64_t


cdef enum IssueCode:
    CORRUPT_DATA
    TRUNCATED
    GAP
    LENGTH_MISMATCH
    NO_END_OF_STREAM
    TRAILING_DATA
    PARAMS_CHANGED
    NONFINITE

cdef enum:
    MAX_ISSUES = 256

cdef struct RawIssue:
    IssueCode code
    int64_t position            # frames at the rate of the first frame
    int64_t num_frames

cdef struct Issues:
    RawIssue items[MAX_ISSUES]
    int count


cdef inline bint is_fatal(IssueCode code) noexcept nogil:
    """Whether audio is known to be missing; the others are notes."""
    return (code == IssueCode.CORRUPT_DATA or code == IssueCode.TRUNCATED
            or code == IssueCode.GAP)


cdef inline RawIssue *last_issue(Issues *issues, int64_t position) noexcept nogil:
    """The last issue, if it reaches up to this position; else NULL."""
    cdef RawIssue *issue
    if issues.count == 0:
        return NULL
    issue = &issues.items[issues.count - 1]
    return issue if issue.position + issue.num_frames == position else NULL


cdef inline void note(Issues *issues, IssueCode code, int64_t position,
                      int64_t num_frames) noexcept nogil:
    """Record an issue; a run of the same one is one issue, and when full the last fatal one."""
    cdef RawIssue *issue = last_issue(issues, position)
    if issue != NULL and issue.code == code:
        issue.num_frames += num_frames
        return
    if issues.count < MAX_ISSUES:
        issues.count += 1
    elif not is_fatal(code):
        return
    issue = &issues.items[issues.count - 1]
    issue.code = code
    issue.position = position
    issue.num_frames = num_frames


cdef inline bint is_damaged_before(const Issues *issues, int64_t position) noexcept nogil:
    cdef int i
    for i in range(issues.count):
        if is_fatal(issues.items[i].code) and issues.items[i].position < position:
            return True
    return False


cdef inline bint is_damaged(const Issues *issues) noexcept nogil:
    return is_damaged_before(issues, INT64_MAX)


cdef inline bint is_noted(const Issues *issues, IssueCode code) noexcept nogil:
    cdef int i
    for i in range(issues.count):
        if issues.items[i].code == code:
            return True
    return False


cdef inline void drop_issues(Issues *issues, int64_t position) noexcept nogil:
    """Forget what was met before a position, and does not reach beyond it."""
    cdef int i, kept = 0
    cdef const RawIssue *issue
    for i in range(issues.count):
        issue = &issues.items[i]
        if issue.position >= position or issue.position + issue.num_frames > position:
            issues.items[kept] = issue[0]
            kept += 1
    issues.count = kept
