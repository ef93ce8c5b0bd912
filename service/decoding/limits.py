"""What a decode process gives up before it sees its first photo; nothing of it comes back.

Resource limits work on every Unix. The rest is Linux, and best effort: where the kernel refuses
(an old one, or one of another processor), the limits alone hold.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
from dataclasses import dataclass
from pathlib import Path

# Nothing but the three standard descriptors: no file can be opened and no socket made.
_OPEN_FILES = 3

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

# Classic BPF of <linux/filter.h> and <linux/seccomp.h>.
_LOAD = 0x20
_AND = 0x54
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_CALL_NUMBER_AT = 0
_ARCHITECTURE_AT = 4
# The first argument's lower half, on little-endian machines.
_FLAGS_AT = 16
_ALLOW = 0x7FFF0000
_NOT_PERMITTED = 0x00050001  # SECCOMP_RET_ERRNO with EPERM
_NOT_KNOWN = 0x00050026  # with ENOSYS

# All that pthread_create asks of clone() (nptl/createthread.c, musl's pthread_create.c): memory,
# files, signals and the process itself are shared, so nothing but a thread comes of it.
_THREAD_FLAGS = 0x003D0F00
_IGNORED_FLAGS = 0x00400000  # CLONE_DETACHED, which musl gives and Linux no longer reads


@dataclass(frozen=True)
class _Calls:
    """An architecture's audit number, and the numbers of its system calls that decoding needs.

    ``clone`` and ``clone3`` start threads and processes, ``of_threads`` is what a new one needs.
    """

    architecture: int
    allowed: tuple[int, ...]
    clone: int
    clone3: int
    of_threads: tuple[int, ...]


# Memory, the socket that is open, time, signals' return, locks and the end: from <asm/unistd.h>.
# What is missing is what an intruder needs: files, the network, other processes.
_CALLS = {
    "x86_64": _Calls(
        0xC000003E,
        (
            *(9, 10, 11, 12, 25, 28),  # mmap, mprotect, munmap, brk, mremap, madvise
            *(0, 1, 44, 45, 3, 5, 8, 7, 271),  # read, write, sendto, recvfrom, close, fstat, ...
            *(96, 228, 229, 35, 230, 98),  # gettimeofday, clock_*, nanosleep, getrusage
            *(13, 14, 15, 219, 24, 202, 334),  # rt_sig*, restart_syscall, sched_yield, futex, rseq
            *(
                39,
                186,
                99,
                204,
                309,
                318,
            ),  # getpid, gettid, sysinfo, getaffinity, getcpu, getrandom
            *(60, 231),  # exit, exit_group
        ),
        clone=56,
        clone3=435,
        of_threads=(273,),  # set_robust_list
    ),
    "aarch64": _Calls(
        0xC00000B7,
        (
            *(222, 226, 215, 214, 216, 233),
            *(63, 64, 206, 207, 57, 80, 62, 73),
            *(169, 113, 114, 101, 115, 165),
            *(134, 135, 139, 128, 124, 98, 293),
            *(172, 178, 179, 123, 168, 278),
            *(93, 94),
        ),
        clone=220,
        clone3=435,
        of_threads=(99,),
    ),
}


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends, however it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def lock_up(memory_bytes: int, *, with_threads: bool = False) -> None:
    """Bound memory and forbid files, network and processes; ``memory_bytes`` are beyond now's.

    ``with_threads`` are threads of this process allowed, where system calls can be filtered: the
    limit of processes cannot tell the two apart.
    """
    calls = _CALLS.get(platform.machine()) if os.uname().sysname == "Linux" else None
    address_space = _address_space_bytes() + memory_bytes
    limits = {
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    if with_threads and calls is not None:
        del limits[resource.RLIMIT_NPROC]
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if calls is not None:
        _filter_calls(calls, with_threads)


def _address_space_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 1 << 30  # Where there is no /proc; the modules take a third of that.
    return pages * resource.getpagesize()


def _filter_calls(calls: _Calls, with_threads: bool) -> None:
    """Let the kernel refuse all other calls; whoever asks for a thread alone gets one."""
    allowed = calls.allowed + (calls.of_threads if with_threads else ())
    to_allow = range(len(allowed), 0, -1)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_LOAD, 0, 0, _CALL_NUMBER_AT),
        *(_thread_steps(calls) if with_threads else ()),
        *((_JUMP_IF_EQUAL, steps, 0, call) for steps, call in zip(to_allow, allowed, strict=True)),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    # struct sock_fprog: the number of steps, then their address, aligned.
    filter_ = struct.pack("HP", len(program), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(filter_))


def _thread_steps(calls: _Calls) -> tuple[tuple[int, int, int, int], ...]:
    """Allow clone() with exactly a thread's flags.

    Those of clone3() are in memory, where a filter cannot see them; whoever is told that it does
    not exist falls back to clone().
    """
    return (
        (_JUMP_IF_EQUAL, 0, 1, calls.clone3),
        (_RETURN, 0, 0, _NOT_KNOWN),
        (_JUMP_IF_EQUAL, 0, 5, calls.clone),
        (_LOAD, 0, 0, _FLAGS_AT),
        (_AND, 0, 0, 0xFFFFFFFF & ~_IGNORED_FLAGS),
        (_JUMP_IF_EQUAL, 0, 1, _THREAD_FLAGS),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
    )


def _prctl(option: int, *arguments: object) -> None:
    if os.uname().sysname == "Linux":
        words = [
            ctypes.c_ulong(word) if isinstance(word, int) else word
            for word in (*arguments, 0, 0, 0, 0)[:4]
        ]
        ctypes.CDLL(None).prctl(option, *words)
