"""A node as a program: from its start until a signal stops it."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from strongsort_ros.nodes.ros_errors import START_ERRORS, reason

PATIENCE: Final = 0.5
"""Seconds that a callback has to end by itself, and then to be interrupted, after a signal."""
FAILED: Final = 1
KILLED: Final = 128
"""Added to the number of a signal: the exit status of shells for a process that it killed."""


def run(make_node: Callable[[], Any], name: str, arguments: list[str] | None = None) -> int:
    """Run a node until a signal stops it.

    ROS stays up until the node has ended what it was doing, so that its clients get their answers:
    rclpy's own handling of signals would take it down at once.

    Parameters
    ----------
    make_node
        Returns a `ManagedNode`. With the parameter `autostart` it is configured and activated.
    name
        Name of the logger until the node exists.
    arguments
        Of the command line; None: the program's.

    Returns
    -------
    status
        0 after a signal. 1 when a parameter or an argument is refused at the start, when ROS
        refuses the node or one of its topics, as by its security, and when a node with `autostart`
        cannot be configured and activated. A process whose callback does not return within 1 s of
        the signal ends without cleaning up, with status 128 + the number of the signal.

    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    node = None
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor()
        node = make_node()
        executor.add_node(node)
        with _signals(executor, node) as told:
            if node.autostart and not node.bring_up():
                return FAILED
            while rclpy.ok() and not told.is_set() and not node.refused:
                executor.spin_once()
        node.finish()
        return FAILED if node.refused else 0
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0  # stopped while it started, or ROS was shut down
    except START_ERRORS as error:
        if node is not None:
            raise
        rclpy.logging.get_logger(name).fatal(reason(error))
        return FAILED
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def _signals(executor: SingleThreadedExecutor, node: Any) -> Iterator[threading.Event]:
    """Yield an event that a signal sets. A thread takes it, as this one waits inside of ROS."""
    told, overdue = threading.Event(), threading.Event()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    left = threading.Event()

    def listen() -> None:
        received = ours.recv(1)
        if not received:  # closed: the node ends without a signal
            return
        told.set()
        executor.wake()
        if not left.wait(PATIENCE):
            # In a callback that takes long: it loads. Nothing of it is worth waiting for.
            overdue.set()
            _thread.interrupt_main()
        if not left.wait(PATIENCE):
            # In a library that does not return to Python.
            status = KILLED + received[0]
            node.get_logger().error(
                f'a callback has not returned {2 * PATIENCE:g} s after signal {received[0]}: '
                f'the process ends without cleaning up, with status {status}'
            )
            os._exit(status)

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame  # the listener knows already
        if overdue.is_set():
            raise KeyboardInterrupt

    signal.set_wakeup_fd(theirs.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield told
    finally:
        left.set()
        signal.set_wakeup_fd(-1)
        theirs.close()
