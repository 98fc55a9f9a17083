"""ROS parameters declared from the settings tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from strongsort_ros.errors import StrongSortError, did_you_mean, shorten
from strongsort_ros.nodes.rclpy_internals import parameter_overrides
from strongsort_ros.settings import (
    ACTIVE,
    AUTO,
    CONFIGURED,
    STARTED,
    Parameter,
    SettingsGroup,
    constraints,
)

Group = TypeVar('Group', bound=SettingsGroup)

QOS: Final = 'qos_overrides.'
"""Prefix of the parameters that rclpy declares with a topic."""


class Parameters(Generic[Group]):
    """Parameters of a node, kept as a valid settings table.

    The node refuses invalid values, and structural parameters in the states in which they are
    read-only.

    Parameters
    ----------
    node
        Node that declares the parameters.
    settings
        Default settings.
    state
        Returns the lifecycle state of the node.
    on_change
        Called with the settings after a change.

    Raises
    ------
    rclpy.exceptions.ParameterException, SettingError
        A parameter given at the start is invalid; the message names it and its range.

    Attributes
    ----------
    settings
        Current settings.

    """

    def __init__(
        self,
        node: Node,
        settings: Group,
        state: Callable[[], str],
        on_change: Callable[[Group], None],
    ) -> None:
        self._state = state
        self._on_change = on_change
        self._log = node.get_logger()
        settings = settings.with_defaults(parameter_overrides(node))
        parameters = settings.parameters()
        for parameter in parameters:
            node.declare_parameter(parameter.name, parameter.value, descriptor(parameter))
        given = node.get_parameters([parameter.name for parameter in parameters])
        self.settings = settings.replace({p.name: p.value for p in given})
        self._read_only_in = {p.name: p.read_only_in for p in parameters if p.read_only_in}
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, parameters: list[RosParameter[Any]]) -> SetParametersResult:
        """Accept the changes together, or give the reason against the first invalid one."""
        changes = self._settings_among(parameters)
        reason = self._read_only_reason(changes)
        if not reason:
            try:
                self.settings.replace(changes)
            except StrongSortError as error:
                reason = str(error)
        return SetParametersResult(successful=not reason, reason=reason)

    def _read_only_reason(self, changes: Mapping[str, object]) -> str:
        state = self._state()
        now = self._values()
        for name, value in changes.items():
            when = self._read_only_in.get(name)
            if when and value == now[name]:
                continue  # no change, as with a loaded file of all parameters
            if when == CONFIGURED and state in ('inactive', 'active'):
                return f'{name}: read when the node is configured; clean the node up first'
            if when == ACTIVE and state == 'active':
                return f'{name}: cannot change while the node is active; deactivate the node first'
        return ''

    def _apply(self, parameters: list[RosParameter[Any]]) -> None:
        changes = self._settings_among(parameters)
        before, settings = self._values(), self.settings.replace(changes)
        if settings == self.settings:
            return
        for name, value in changes.items():
            if value != before[name]:
                self._log.info(shorten(f'parameter {name}: {before[name]!r} -> {value!r}'))
        self.settings = settings
        self._on_change(settings)

    def _settings_among(self, parameters: list[RosParameter[Any]]) -> dict[str, Any]:
        """Return name -> value of the settings among the parameters; the others are ROS's."""
        known = self._values()
        return {p.name: p.value for p in parameters if p.name in known}

    def _values(self) -> dict[str, Any]:
        return {parameter.name: parameter.value for parameter in self.settings.parameters()}


def warn_of_unknown_parameters(node: Node, *, qos: bool) -> None:
    """Log a warning for each parameter given at the start that the node does not have.

    Parameters
    ----------
    node
        Node that has declared its parameters.
    qos
        Check the parameters of QoS, which are declared with the topics; False: check the others.

    """
    known = node.list_parameters([], 0).names
    for name in parameter_overrides(node):
        if name in known or name.startswith(QOS) != qos:
            continue
        text = f'unknown parameter {name} has no effect{did_you_mean(name, known)}'
        node.get_logger().warning(shorten(text))


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    """Return the ROS descriptor of a parameter: description, unit and range."""
    spec, kind = parameter.spec, parameter.kind
    unit = f' [{spec.unit}]' if spec.unit else ''
    described = ParameterDescriptor(
        description=spec.description + unit,
        additional_constraints=constraints(spec, kind),
        read_only=parameter.read_only_in == STARTED,
        # The value may be a number or the string `auto`; the settings table checks it.
        dynamic_typing=AUTO in kind,
    )
    if not math.isfinite(spec.high) or AUTO in kind:
        return described
    if kind == 'int':
        low, high = int(spec.low), int(spec.high)
        described.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif kind == 'float':
        low_high = FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)
        described.floating_point_range = [low_high]
    return described
