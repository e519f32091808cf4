"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def num_cores() -> int:
    """Cores by affinity, as far as the quota of the control group lets them run."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota(Path("/proc/self/cgroup"), _CGROUPS))))


def _quota(membership: Path, root: Path) -> float:
    """The least quota, in cores, of the groups that this process is in.

    Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max"; in version 1 there are two files,
    scheduler/sched-bwc.rst. A container may see its own group at the root, whatever its path.
    """
    quotas = [math.inf]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return math.inf  # not Linux
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = root / "cpu" if controllers else root
        names = [name for name in path.split("/") if name not in ("", "..")]
        quotas += (_quota_of(folder.joinpath(*names[:depth])) for depth in range(len(names) + 1))
    return min(quotas)


def _quota_of(group: Path) -> float:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / name).read_text() for name in names).split()
            if quota not in ("max", "-1"):
                return int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return math.inf
