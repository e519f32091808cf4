"""How many cores this process may use."""

from __future__ import annotations

import math
import os


def num_cores() -> int:
    """Cores by affinity, as far as the quota of the control group lets them run."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota("/proc/self/cgroup", "/sys/fs/cgroup"))))


def _quota(membership: str, root: str) -> float:
    """The least quota, in cores, of the groups that this process is in.

    Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max"; in version 1 there are two files,
    scheduler/sched-bwc.rst. A container may see its own group at the root, whatever its path.
    """
    quotas = [math.inf]
    try:
        lines = _read(membership).splitlines()
    except OSError:
        return math.inf  # not Linux
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = os.path.join(root, "cpu") if controllers else root
        names = [name for name in path.split("/") if name not in ("", "..")]
        quotas += (
            _quota_of(os.path.join(folder, *names[:depth])) for depth in range(len(names) + 1)
        )
    return min(quotas)


def _quota_of(group: str) -> float:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join(_read(os.path.join(group, name)) for name in names).split()
            if quota not in ("max", "-1"):
                return int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return math.inf


def _read(path: str) -> str:
    with open(path, errors="surrogateescape") as file:  # of a group, any bytes may be the name
        return file.read()
