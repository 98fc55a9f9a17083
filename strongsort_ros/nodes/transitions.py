"""Lifecycle transitions that say why they fail; rclpy says nothing."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from strongsort_ros.errors import StrongSortError, one_line
from strongsort_ros.nodes.ros_errors import RCLError, RosError


class Releasable(Protocol):
    """A node that can free what its transitions built.

    Attributes
    ----------
    refused
        ROS refused one of its topics or services: its program ends.

    """

    refused: bool

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

    An error that a user can mend is one line, any other has its traceback. A node that cannot be
    configured or activated stays in the state before; one that cannot be let go of in order is
    taken apart and can be configured again.
    """

    @functools.wraps(transition)
    def guarded(node: Releasable, state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix('on_')
        try:
            return transition(node, state)
        except Exception as error:
            text = one_line(error) if can_be_mended(error) else traceback.format_exc()
            node.get_logger().error(f'{name} failed: {text}')
            node.refused |= isinstance(error, RosError)
            node.release(configured=name == 'activate')
            undone = name in ('configure', 'activate')
            return TransitionCallbackReturn.FAILURE if undone else TransitionCallbackReturn.ERROR
        finally:
            node.report_soon()

    return guarded


def can_be_mended(error: Exception) -> bool:
    """Return whether it is for the user to mend: input, a file, or a package that is missing."""
    if isinstance(error, ImportError) and (error.name or '').startswith('strongsort_ros'):
        return False
    return isinstance(error, (StrongSortError, OSError, ImportError))


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
