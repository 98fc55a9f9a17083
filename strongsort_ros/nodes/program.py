"""A node as a program: from its start until it is told to stop."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from strongsort_ros.errors import StrongSortError
from strongsort_ros.nodes.transitions import RCLError

PATIENCE: Final = 0.5
"""Seconds that a callback has to end by itself, and then to be interrupted, after a signal."""


def run(make_node: Callable[[], Any], arguments: list[str] | None = None) -> int:
    """Run a node until it is told to stop.

    ROS stays up until the node has ended what it was doing, so that its clients get their answers:
    rclpy's own handling of signals would take it down at once.

    Parameters
    ----------
    make_node
        Returns a `ManagedNode`. With the parameter `autostart` it is configured and activated.
    arguments
        Of the command line; None: the program's.

    Returns
    -------
    status
        Of the program: 1 when a parameter is refused at the start, or ROS refuses the node, as
        by its security.

    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    node = None
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor()
        node = make_node()
        executor.add_node(node)
        if node.autostart and node.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            node.trigger_activate()
        _spin(executor)
        node.finish()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # told to stop while it started, or ROS was shut down
    except (ParameterException, RCLError, StrongSortError) as error:
        if node is not None:
            raise
        rclpy.logging.get_logger(make_node.__name__).fatal(str(error))
        return 1
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _spin(executor: SingleThreadedExecutor) -> None:
    """Spin until a signal comes. It is taken by a thread, as this one waits inside of ROS."""
    told, overdue = threading.Event(), threading.Event()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    left = threading.Event()

    def listen() -> None:
        ours.recv(1)
        told.set()
        executor.wake()
        if not left.wait(PATIENCE):
            # In a callback that takes long: it loads. Nothing of it is worth waiting for.
            overdue.set()
            _thread.interrupt_main()
        if not left.wait(PATIENCE):
            os._exit(0)  # in a library that does not look up

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame  # the listener knows already
        if overdue.is_set():
            raise KeyboardInterrupt

    signal.set_wakeup_fd(theirs.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    threading.Thread(target=listen, daemon=True).start()
    try:
        while rclpy.ok() and not told.is_set():
            executor.spin_once()
    finally:
        left.set()
