"""ROS parameters, made from the tables of settings."""

from __future__ import annotations

import difflib
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

from strongsort_ros.errors import StrongSortError, shorten
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
"""Beginning of the names of parameters that rclpy makes with a topic."""


class Parameters(Generic[Group]):
    """The node's parameters as tables of settings that are always valid.

    Parameters
    ----------
    node
        Declares the parameters, and refuses invalid ones.
    settings
        As they are by default.
    state
        Returns that of the node's life cycle, by which structural parameters are refused.
    on_change
        Called with the settings after they changed.

    Raises
    ------
    rclpy.exceptions.ParameterException, SettingError
        A parameter given at the start is refused; the message names it and its range.

    Attributes
    ----------
    settings
        As they are now.

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
        parameters = settings.parameters()
        for parameter in parameters:
            node.declare_parameter(parameter.name, parameter.value, descriptor(parameter))
        given = node.get_parameters([parameter.name for parameter in parameters])
        self.settings = settings.replace({p.name: p.value for p in given})
        self._read_only_in = {p.name: p.read_only_in for p in parameters if p.read_only_in}
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, parameters: list[RosParameter[Any]]) -> SetParametersResult:
        """Say whether all these can be set together; the reason names the first that cannot."""
        changes = self._ours(parameters)
        reason = self._fixed_now(changes)
        if not reason:
            try:
                self.settings.replace(changes)
            except StrongSortError as error:
                reason = str(error)
        return SetParametersResult(successful=not reason, reason=reason)

    def _fixed_now(self, changes: Mapping[str, object]) -> str:
        state = self._state()
        now = {parameter.name: parameter.value for parameter in self.settings.parameters()}
        for name, value in changes.items():
            when = self._read_only_in.get(name)
            if when and value == now[name]:
                continue  # as when a file with all parameters is loaded
            if when == CONFIGURED and state in ('inactive', 'active'):
                return f'{name}: is read when the node is configured; clean it up first'
            if when == ACTIVE and state == 'active':
                return f'{name}: cannot change while the node is active; deactivate it first'
        return ''

    def _apply(self, parameters: list[RosParameter[Any]]) -> None:
        changes = self._ours(parameters)
        before = {parameter.name: parameter.value for parameter in self.settings.parameters()}
        settings = self.settings.replace(changes)
        if settings == self.settings:
            return
        for name, value in changes.items():
            if value != before[name]:
                self._log.info(shorten(f'parameter {name}: {before[name]!r} -> {value!r}'))
        self.settings = settings
        self._on_change(settings)

    def _ours(self, parameters: list[RosParameter[Any]]) -> dict[str, Any]:
        """Return the values of those that are settings; ROS has parameters of its own."""
        names = {parameter.name for parameter in self.settings.parameters()}
        return {p.name: p.value for p in parameters if p.name in names}


def warn_of_unknown_parameters(node: Node, *, qos: bool) -> None:
    """Log a warning for each parameter given at the start that the node does not have.

    Parameters
    ----------
    node
        Has declared its parameters.
    qos
        Look at those of QoS, which are there when the node has its topics; else at all others.

    """
    known = node.list_parameters([], 0).names
    for name in node._parameter_overrides:
        if name in known or name.startswith(QOS) != qos:
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'; did you mean {close[0]}?' if close else ''
        node.get_logger().warning(shorten(f'parameter {name} is unknown and has no effect{hint}'))


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    """Return the description, unit and range of a parameter as ROS has them."""
    spec, kind = parameter.spec, parameter.kind
    unit = f' [{spec.unit}]' if spec.unit else ''
    described = ParameterDescriptor(
        description=spec.description + unit,
        additional_constraints=constraints(spec, kind),
        read_only=parameter.read_only_in == STARTED,
        # `auto` or a number: the type may change, the table checks it.
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
