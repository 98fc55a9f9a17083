"""Node for tests with one fault, chosen by the first argument."""

from __future__ import annotations

import ctypes
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Empty

from strongsort_ros.nodes.diagnostics import status_message
from strongsort_ros.nodes.lifecycle import ManagedNode, logged
from strongsort_ros.nodes.program import run
from strongsort_ros.refinement.settings import RefinerNodeConfig


class OddNode(ManagedNode[RefinerNodeConfig]):
    def __init__(self) -> None:
        super().__init__('odd', RefinerNodeConfig())

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        FAULTS[sys.argv[1]](self)
        return super().on_configure(state)

    def status(self) -> Any:
        return status_message('odd: test', DiagnosticStatus.OK, self.state(), {})

    def release(self, *, configured: bool = False) -> None:
        pass


def sleep(node: OddNode) -> None:
    node.get_logger().info('sleeps')
    while True:
        time.sleep(0.01)


def sleep_in_c(node: OddNode) -> None:
    libc = ctypes.CDLL(None)
    node.get_logger().info('sleeps')
    while True:
        libc.sleep(1000)


def use_a_bad_topic(node: OddNode) -> None:
    node.create_subscription(Empty, 'no topic', print, 1)


def make_a_mistake(node: OddNode) -> None:
    del node
    {}['mistake']


def import_what_is_not_installed(node: OddNode) -> None:
    del node
    importlib.import_module('not_installed')


def import_what_this_package_lacks(node: OddNode) -> None:
    del node
    importlib.import_module('strongsort_ros.not_there')


FAULTS: dict[str, Callable[[OddNode], None]] = {
    function.__name__: function
    for function in (
        sleep,
        sleep_in_c,
        use_a_bad_topic,
        make_a_mistake,
        import_what_is_not_installed,
        import_what_this_package_lacks,
    )
}

if __name__ == '__main__':
    sys.exit(run(OddNode, 'odd'))
