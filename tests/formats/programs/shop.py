"""A small program to profile: three functions in known proportions, a thread that waits, and a fork."""

import os
import sys
import threading
import time


def price(n):
    return sum(i * i % 7 for i in range(n))


def search(n):
    return sorted(str(i) for i in range(n))


class Basket:
    def total(self, n):
        return price(6 * n) + len(search(n))


def wait_for_orders(stop):
    while not stop.is_set():
        time.sleep(0.02)


def serve(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        Basket().total(2000)


def main():
    seconds = float(sys.argv[1])
    stop = threading.Event()
    threading.Thread(target=wait_for_orders, args=(stop,), name="order queue", daemon=True).start()
    child = os.fork() if "fork" in sys.argv else None
    serve(seconds)
    if child == 0:
        os._exit(0)
    stop.set()


main()
