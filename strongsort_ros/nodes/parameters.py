"""ROS parameters, made from the tables of settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from strongsort_ros.errors import StrongSortError
from strongsort_ros.settings import (
    ACTIVE,
    AUTO,
    LOADED,
    STARTED,
    Parameter,
    SettingsGroup,
    constraints,
)

Group = TypeVar('Group', bound=SettingsGroup)


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
        parameters = settings.parameters()
        self._names = {parameter.name for parameter in parameters}
        for parameter in parameters:
            node.declare_parameter(parameter.name, parameter.value, descriptor(parameter))
        given = node.get_parameters([parameter.name for parameter in parameters])
        self.settings = settings.replace({p.name: p.value for p in given})
        self._fixed_while = {p.name: p.fixed_while for p in parameters if p.fixed_while}
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, parameters: list[RosParameter[Any]]) -> SetParametersResult:
        """Say whether all these can be set together; the reason names the first that cannot."""
        changes = {parameter.name: parameter.value for parameter in parameters}
        reason = self._fixed_now(changes)
        if not reason:
            try:
                self.settings.replace(self._ours(changes))
            except StrongSortError as error:
                reason = str(error)
        return SetParametersResult(successful=not reason, reason=reason)

    def _ours(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return those of the tables; a node has others, such as `use_sim_time`."""
        return {name: value for name, value in values.items() if name in self._names}

    def _fixed_now(self, changes: Mapping[str, object]) -> str:
        state = self._state()
        now = {parameter.name: parameter.value for parameter in self.settings.parameters()}
        for name, value in changes.items():
            when = self._fixed_while.get(name)
            if when and value == now[name]:
                continue  # as when a file with all parameters is loaded
            if when == LOADED and state in ('inactive', 'active'):
                return f'{name}: is read when the node is configured; clean it up first'
            if when == ACTIVE and state == 'active':
                return f'{name}: cannot change while the node is active; deactivate it first'
        return ''

    def _apply(self, parameters: list[RosParameter[Any]]) -> None:
        settings = self.settings.replace(self._ours({p.name: p.value for p in parameters}))
        if settings != self.settings:
            self.settings = settings
            self._on_change(settings)


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    """Return the description, unit and range of a parameter as ROS has them."""
    meaning, kind = parameter.meaning, parameter.kind
    unit = f' [{meaning.unit}]' if meaning.unit else ''
    described = ParameterDescriptor(
        description=meaning.description + unit,
        additional_constraints=constraints(meaning, kind),
        read_only=parameter.fixed_while == STARTED,
        # `auto` or a number: the type may change, the table checks it.
        dynamic_typing=AUTO in kind,
    )
    if not math.isfinite(meaning.high) or AUTO in kind:
        return described
    if kind == 'int':
        low, high = int(meaning.low), int(meaning.high)
        described.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif kind == 'float':
        low_high = FloatingPointRange(from_value=meaning.low, to_value=meaning.high, step=0.0)
        described.floating_point_range = [low_high]
    return described
