"""A small program that allocates known amounts: 20 MiB kept, 10 MiB at a time dropped again, in two threads and a fork."""

import os
import signal
import sys
import threading

MIB = 1 << 20
kept = []


def keep():
    kept.extend(map(bytearray, [MIB] * 20))


def scratch():
    block = bytearray(10 * MIB)
    return len(block)


def work():
    keep()
    scratch()
    scratch()


def main():
    threading.Thread(target=scratch, name="scratch").start()
    work()
    if "fork" in sys.argv and os.fork() == 0:
        scratch()
        return
    if "kill" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)


main()
