"""Run a node as a program, from its start until a signal stops it."""

from __future__ import annotations

import _thread
import gc
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

GRACE: Final = 0.5
"""Seconds after a signal until a callback is interrupted, and from there until a forced exit."""
FAILED: Final = 1
KILLED: Final = 128
"""Added to the number of a signal: a shell's exit status for a process ended by it."""


def run(make_node: Callable[[], Any], name: str, arguments: list[str] | None = None) -> int:
    """Run a node until a signal stops it.

    ROS stays up until the node has finished its current work, so that its clients get their
    responses. rclpy's own signal handlers would shut it down at once.

    Parameters
    ----------
    make_node
        Returns a `ManagedNode`. With the parameter `autostart` it is configured and activated.
    name
        Name of the logger until the node exists.
    arguments
        Command-line arguments; None: those of the process.

    Returns
    -------
    status
        0 after a signal. 1 if a parameter or an argument is invalid, if ROS refuses the node, a
        topic or a service, or if a node with `autostart` cannot be configured and activated.
        A process whose callback does not return within 1 s of the signal exits without cleaning
        up, with status 128 + the number of the signal.

    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _run(make_node, name, arguments)
    finally:
        free_shared_memory()


def free_shared_memory() -> None:
    """Have the middleware free the shared memory of a node that is destroyed.

    Fast DDS 3 does so, for 64 MB, when the last object of the node is deleted, not when the process
    ends. The tracker has exempted its objects from garbage collection.
    """
    gc.unfreeze()
    gc.collect()


def _run(make_node: Callable[[], Any], name: str, arguments: list[str] | None) -> int:
    node = None
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor()
        node = make_node()
        executor.add_node(node)
        with _stop_signal(executor, node) as stopped:
            if node.autostart and not node.bring_up():
                return FAILED
            while rclpy.ok() and not stopped.is_set() and not node.refused:
                executor.spin_once()
        node.finish()
        return FAILED if node.refused else 0
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0  # a signal during the start, or a shutdown of ROS
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
def _stop_signal(executor: SingleThreadedExecutor, node: Any) -> Iterator[threading.Event]:
    """Yield an event that a signal sets.

    A thread receives the signals, because the main thread waits inside ROS.
    """
    stopped, overdue, left = threading.Event(), threading.Event(), threading.Event()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def listen() -> None:
        received = ours.recv(1)
        if not received:  # the socket was closed: the node ends without a signal
            return
        stopped.set()
        executor.wake()
        if not left.wait(GRACE):
            # A long callback, such as loading weights; its result is not needed any more.
            overdue.set()
            _thread.interrupt_main()
        if not left.wait(GRACE):
            # Native code that does not return to Python.
            status = KILLED + received[0]
            node.get_logger().error(
                f'a callback did not return within {2 * GRACE:g} s of signal {received[0]}; '
                f'the process exits without cleaning up, with status {status}'
            )
            os._exit(status)

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame  # the thread has received the signal
        if overdue.is_set():
            raise KeyboardInterrupt

    signal.set_wakeup_fd(theirs.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield stopped
    finally:
        left.set()
        signal.set_wakeup_fd(-1)
        theirs.close()
        thread.join(GRACE)
