"""What a reading child may use: memory, processor, files, output, time, and no network.

Set by the kernel in the child, for time and output by the parent. A limit that is hit costs the
file, never the parent. Units: bytes and seconds.
"""

from __future__ import annotations

import ctypes
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from candor.sources.readers import bytestream
from candor.sources.readers.limits import GIB, LIMITS, MIB

_GRACE_SECONDS = 5
_NEW_USER_NAMESPACE = 0x10000000
_NEW_NETWORK_NAMESPACE = 0x40000000


@dataclass(frozen=True, slots=True)
class Confinement:
    """The bounds of one child.

    Attributes:
        memory_bytes: address space.
        cpu_seconds: processor time for any file, before what its size adds.
        cpu_seconds_per_gib: processor time added per GiB unpacked.
        wall_seconds: time the parent waits for the child, not counting its own work.
        open_files: file descriptors.
        output_factor: bytes sent back per byte unpacked.
        output_bytes: bytes sent back for any file, before what its size adds.
    """

    memory_bytes: int = 3 * GIB // 2
    cpu_seconds: int = 60
    cpu_seconds_per_gib: int = 300
    wall_seconds: float = 600.0
    open_files: int = 64
    output_factor: int = 16
    output_bytes: int = 64 * MIB

    def cpu_for(self, size: int) -> int:
        """Processor seconds for a file of ``size`` bytes unpacked."""
        return self.cpu_seconds + self.cpu_seconds_per_gib * size // GIB

    def output_for(self, size: int) -> int:
        """Bytes that may come back for a file of ``size`` bytes unpacked."""
        return self.output_bytes + self.output_factor * size


def unpacked_at_most(path: Path) -> int:
    """The most bytes that a file can unpack to under the limits of reading."""
    size = path.stat().st_size
    if bytestream.kind_on_disk(path) in ("gzip", "zip", "parquet"):
        return min(LIMITS.unpacked_bytes, max(LIMITS.ratio * size, LIMITS.ratio_free_bytes))
    return size


def confine(bounds: Confinement, size: int) -> None:
    """Put the calling process under ``bounds``; there is no way back."""
    cpu = bounds.cpu_for(size)
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, bounds.open_files),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, bounds.memory_bytes),
    ):
        _, hard = resource.getrlimit(what)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        # At the hard limit of processor time the kernel kills without saying why.
        grace = _GRACE_SECONDS if what == resource.RLIMIT_CPU and wanted == limit else 0
        most = wanted + grace if hard == resource.RLIM_INFINITY else min(wanted + grace, hard)
        resource.setrlimit(what, (wanted, most))
    _leave_network()


def _leave_network() -> None:
    """An empty network namespace where the kernel grants one; else nothing changes."""
    libc = ctypes.CDLL(None, use_errno=True)
    unshare = getattr(libc, "unshare", None)
    if unshare is None:
        return
    if unshare(_NEW_NETWORK_NAMESPACE) != 0 and os.geteuid() != 0:
        unshare(_NEW_USER_NAMESPACE | _NEW_NETWORK_NAMESPACE)
