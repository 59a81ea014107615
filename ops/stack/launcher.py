"""What a server process is before it becomes the server; run as a script, then replaced by exec.

    python -I -S launcher.py MODE UID GID DEATH_SIGNAL OWNER_PID COMMAND [ARGUMENT ...]

MODE "same" keeps the user, "namespace" lets root look like UID inside a user namespace (files stay
root's), "other" becomes UID. DEATH_SIGNAL, where not 0, is what the kernel sends to the server
when OWNER_PID's starting thread dies. Imports only the standard library: it must start in
milliseconds. A script of its own and not a `preexec_fn`, because Python code between fork and exec
can deadlock in a process that has threads.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def enter_namespace(uid: int, gid: int) -> None:
    """Root outside, `uid` inside: PostgreSQL refuses to run as user 0, whatever 0 may do."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _libc("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def follow_into_death(signal_number: int, owner_pid: int) -> None:
    """After any change of user, because that change clears the wish again."""
    if sys.platform != "linux" or signal_number == 0:
        return
    _libc("prctl", PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != owner_pid:  # the owner died before the wish was heard
        sys.exit(1)


def _libc(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def main(mode: str, uid: str, gid: str, death_signal: str, owner: str, *command: str) -> None:
    os.umask(0o077)
    if mode == "namespace":
        enter_namespace(int(uid), int(gid))
    elif mode == "other":
        become(int(uid), int(gid))
    follow_into_death(int(death_signal), int(owner))
    os.execv(command[0], command)  # noqa: S606 (a fixed command, no shell is meant)


if __name__ == "__main__":
    main(*sys.argv[1:])
