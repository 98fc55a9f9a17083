"""ROS parameters, made from the tables of settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from strongsort_ros.nodes.settings import LOADED, NodeSettings, constraints, ros_defaults
from strongsort_ros.settings import AUTO, Settings
from strongsort_ros.tracking.settings import TrackerSettings


class Parameters:
    """The node's parameters as two tables of settings that are always valid.

    Parameters
    ----------
    node
        Declares the parameters, and refuses invalid ones.
    is_configured, is_active
        The node's state, by which structural parameters are refused.
    on_tracker_change
        Called with the tracker's settings after they changed.

    Raises
    ------
    rclpy.exceptions.ParameterException
        A parameter given at the start is refused; the message names it and its range.

    """

    def __init__(
        self,
        node: Node,
        is_configured: Callable[[], bool],
        is_active: Callable[[], bool],
        on_tracker_change: Callable[[TrackerSettings], None],
    ) -> None:
        self._node = node
        self._is_configured = is_configured
        self._is_active = is_active
        self._on_tracker_change = on_tracker_change
        self.node = NodeSettings()
        self.tracker = ros_defaults()
        for table in (self.node, self.tracker):
            for name in table.meanings():
                node.declare_parameter(name, getattr(table, name), descriptor(table, name))
        given = self._values()
        self.node = self.node.replace(**_of(self.node, given))
        self.tracker = self.tracker.replace(**_of(self.tracker, given))
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _values(self) -> dict[str, object]:
        names = [*self.node.meanings(), *self.tracker.meanings()]
        return {p.name: p.value for p in self._node.get_parameters(names)}

    def _check(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Say whether all these can be set together; the reason names the first that cannot."""
        changes = {parameter.name: parameter.value for parameter in parameters}
        reason = self._fixed_now(changes)
        if not reason:
            try:
                self.node.replace(**_of(self.node, changes))
                self.tracker.replace(**_of(self.tracker, changes))
            except ValueError as error:
                reason = str(error)
        return SetParametersResult(successful=not reason, reason=reason)

    def _fixed_now(self, changes: Iterable[str]) -> str:
        fixed = self.node.fixed_while()
        for name in changes:
            if name not in fixed:
                continue
            if fixed[name] == LOADED and self._is_configured():
                return f'{name}: is read when the node is configured; clean it up first'
            if self._is_active():
                return f'{name}: cannot change while the node is active; deactivate it first'
        return ''

    def _apply(self, parameters: list[Parameter[Any]]) -> None:
        changes = {parameter.name: parameter.value for parameter in parameters}
        self.node = self.node.replace(**_of(self.node, changes))
        tracker = self.tracker.replace(**_of(self.tracker, changes))
        if tracker != self.tracker:
            self.tracker = tracker
            self._on_tracker_change(tracker)


def _of(table: Settings, values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name in table.meanings()}


def descriptor(table: Settings, name: str) -> ParameterDescriptor:
    """Return the description, unit and range of a setting as ROS has them."""
    meaning, kind = table.meanings()[name], table.types()[name]
    unit = f' [{meaning.unit}]' if meaning.unit else ''
    description = ParameterDescriptor(
        description=meaning.description + unit,
        additional_constraints=constraints(table, name),
        # `auto` or a number: the type may change, the table checks it.
        dynamic_typing=AUTO in kind,
    )
    if not math.isfinite(meaning.high) or AUTO in kind:
        return description
    if kind == 'int':
        bounds = IntegerRange(from_value=int(meaning.low), to_value=int(meaning.high), step=0)
        description.integer_range = [bounds]
    elif kind == 'float':
        described = FloatingPointRange(from_value=meaning.low, to_value=meaning.high, step=0.0)
        description.floating_point_range = [described]
    return description
