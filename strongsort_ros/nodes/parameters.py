"""ROS parameters, made from the tables of settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from strongsort_ros.settings import AUTO, Settings
from strongsort_ros.streaming.settings import LOADED, AllSettings, constraints


class Parameters:
    """The node's parameters as tables of settings that are always valid.

    Parameters
    ----------
    node
        Declares the parameters, and refuses invalid ones.
    is_configured, is_active
        The node's state, by which structural parameters are refused.
    on_change
        Called with the settings after they changed.

    Raises
    ------
    rclpy.exceptions.ParameterException, ValueError
        A parameter given at the start is refused; the message names it and its range.

    Attributes
    ----------
    settings
        As they are now.

    """

    def __init__(
        self,
        node: Node,
        is_configured: Callable[[], bool],
        is_active: Callable[[], bool],
        on_change: Callable[[AllSettings], None],
    ) -> None:
        self._is_configured = is_configured
        self._is_active = is_active
        self._on_change = on_change
        self.settings = AllSettings()
        names = []
        for name, table, key in self.settings.parameters():
            node.declare_parameter(name, getattr(table, key), descriptor(table, key))
            names.append(name)
        self.settings = self.settings.replace({p.name: p.value for p in node.get_parameters(names)})
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Say whether all these can be set together; the reason names the first that cannot."""
        changes = {parameter.name: parameter.value for parameter in parameters}
        reason = self._fixed_now(changes)
        if not reason:
            try:
                self.settings.replace(changes)
            except ValueError as error:
                reason = str(error)
        return SetParametersResult(successful=not reason, reason=reason)

    def _fixed_now(self, changes: Iterable[str]) -> str:
        fixed = self.settings.fixed_while()
        for name in changes:
            if name not in fixed:
                continue
            if fixed[name] == LOADED and self._is_configured():
                return f'{name}: is read when the node is configured; clean it up first'
            if self._is_active():
                return f'{name}: cannot change while the node is active; deactivate it first'
        return ''

    def _apply(self, parameters: list[Parameter[Any]]) -> None:
        settings = self.settings.replace({p.name: p.value for p in parameters})
        if settings != self.settings:
            self.settings = settings
            self._on_change(settings)


def descriptor(table: Settings, name: str) -> ParameterDescriptor:
    """Return the description, unit and range of a setting as ROS has them."""
    meaning, kind = table.meanings()[name], table.types()[name]
    unit = f' [{meaning.unit}]' if meaning.unit else ''
    described = ParameterDescriptor(
        description=meaning.description + unit,
        additional_constraints=constraints(table, name),
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
