"""Lifecycle transitions that say why they fail; rclpy says nothing."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from strongsort_ros.errors import StrongSortError

RCLError = rclpy_implementation.RCLError


class Releasable(Protocol):
    """A node that can free what its transitions built."""

    def get_logger(self) -> Any:
        """Return the node's logger."""
        ...

    def release(self, *, configured: bool = False) -> None:
        """Free everything, or all but what it has when configured."""
        ...

    def report_soon(self) -> None:
        """Report that something has changed."""
        ...


Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition) -> Transition:
    """Log what a transition raises, and release what it built; rclpy would say nothing.

    A node that cannot be configured or activated stays in the state before; one that cannot be
    let go of in order is taken apart and can be configured again.
    """

    @functools.wraps(transition)
    def guarded(node: Releasable, state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix('on_')
        try:
            return transition(node, state)
        except Exception as error:
            expected = isinstance(error, (StrongSortError, OSError))
            node.get_logger().error(
                f'{name} failed: {error if expected else traceback.format_exc()}'
            )
            node.release(configured=name == 'activate')
            undone = name in ('configure', 'activate')
            return TransitionCallbackReturn.FAILURE if undone else TransitionCallbackReturn.ERROR
        finally:
            node.report_soon()

    return guarded


def survive_impossible_transitions(node: LifecycleNode) -> None:
    """Answer that a transition was not made where rclpy would end the node by an exception."""
    service = node._service_change_state
    change_state = service.callback

    def answer(request: Any, response: Any) -> Any:
        try:
            return change_state(request, response)
        except RCLError as error:
            node.get_logger().error(f'transition refused: {error}')
            response.success = False
            return response

    service.callback = answer
