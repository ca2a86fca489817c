"""The processors of this machine that an engine may use."""

import os

MOST_THREADS = 8


def usable_cpus() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def generation_threads() -> int:
    """The processors to generate with: all on an idle machine, else one fewer, which the neighbours then keep busy."""
    cpus = usable_cpus()
    idle = hasattr(os, "getloadavg") and os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    return max(1, min(MOST_THREADS, cpus if idle else cpus - 1))
