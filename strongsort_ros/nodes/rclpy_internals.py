"""Every use of rclpy that its documentation does not cover.

Checked with rclpy 7.1 (Jazzy) and 9.1 (Kilted), which both have these attributes. Look here first
when a node fails on another distribution; without an attribute, the function that uses it raises
AttributeError, and the node cannot do what the function's docstring describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.subscription import Subscription

RCLError: Final = rclpy_implementation.RCLError
"""Raised by rcl calls, as for an impossible transition or a missing right; no public name."""
UnknownROSArgsError: Final = rclpy_implementation.UnknownROSArgsError
"""Raised by `rclpy.init` for unknown arguments; no public name."""


def lifecycle_state(node: LifecycleNode) -> str:
    """Return the label of the lifecycle state.

    rclpy offers it as the service `~/get_state` only, which a node cannot call from a callback.
    """
    return str(node._state_machine.current_state[1])


def refuse_invalid_transitions(node: LifecycleNode) -> None:
    """Let the service `~/change_state` answer `success: false` to an invalid transition.

    rclpy raises RCLError from the service's callback instead, which ends the process.
    """
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


def parameter_overrides(node: Node) -> dict[str, Any]:
    """Return name -> value of all parameters given at the start, declared or not.

    Otherwise a misspelt name in a parameter file goes unnoticed, and a parameter's default cannot
    depend on another parameter.
    """
    return {name: given.value for name, given in node._parameter_overrides.items()}


def waiting_messages(subscription: Subscription, most: int) -> Iterator[bytes]:
    """Take the serialised messages that wait in the queue of a raw subscription, at most `most`.

    An executor takes one message at a time. Without this, a tracker that has fallen behind would
    track every queued frame before it learns that newer ones have arrived.
    """
    for _ in range(most):
        with subscription.handle:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        if taken is None:
            return
        yield taken[0]
