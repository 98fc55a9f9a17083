"""Errors of ROS 2 in one line that names the topic or service and the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import InvalidQosOverridesError

from strongsort_ros.errors import StrongSortError, shorten
from strongsort_ros.nodes.rclpy_internals import RCLError, UnknownROSArgsError

START_ERRORS: Final = (
    NameValidationException,
    ParameterException,
    RCLError,
    StrongSortError,
    UnknownROSArgsError,
)
"""Errors at the start of a node: arguments, parameters, names, security."""

_REFUSALS: Final = (
    InvalidQosOverridesError,
    NameValidationException,
    ParameterException,
    RuntimeError,  # RCLError is one
)
"""Errors that rclpy raises when it refuses a topic, a service or an override of its QoS."""
_NO_KEYS: Final = 'SECURITY ERROR'
"""Text of rcl's errors about missing keys, to which the access policy is irrelevant."""
_PLACE_IN_SOURCE: Final = re.compile(r',? at \S+:\d+')


class RosError(StrongSortError):
    """ROS refuses a topic, a service or an action of the node."""


def reason(error: BaseException, enclave: str = '') -> str:
    """Return the text of a ROS error in one line, without positions in ROS's source files.

    With security enabled, the text names the enclave whose policy may be too narrow.
    """
    if isinstance(error, UnknownROSArgsError):
        return f'unknown ROS arguments: {shorten(str(error))}'
    text = shorten(_PLACE_IN_SOURCE.sub('', str(error)))
    secure = os.environ.get('ROS_SECURITY_ENABLE') == 'true'
    if secure and isinstance(error, RCLError) and _NO_KEYS not in text:
        text += (
            f'; check that the policy of {enclave or "its enclave"} allows it (docs/security.md)'
        )
    return text


class NamingNode(Node):
    """Node that raises RosError with the full name when ROS refuses a topic or a service."""

    def create_publisher(self, msg_type: Any, topic: str, *args: Any, **kwargs: Any) -> Publisher:
        """Create a publisher; raises RosError."""
        with self.naming('publish to', topic):
            return super().create_publisher(msg_type, topic, *args, **kwargs)

    def create_subscription(self, msg_type: Any, topic: str, *args: Any, **kwargs: Any) -> Any:
        """Create a subscription; raises RosError."""
        with self.naming('subscribe to', topic):
            return super().create_subscription(msg_type, topic, *args, **kwargs)

    def create_service(self, srv_type: Any, srv_name: str, *args: Any, **kwargs: Any) -> Any:
        """Create a service; raises RosError."""
        with self.naming('offer service', srv_name):
            return super().create_service(srv_type, srv_name, *args, **kwargs)

    def create_client(self, srv_type: Any, srv_name: str, *args: Any, **kwargs: Any) -> Any:
        """Create a client of a service; raises RosError."""
        with self.naming('call service', srv_name):
            return super().create_client(srv_type, srv_name, *args, **kwargs)

    @contextmanager
    def naming(self, verb: str, name: str) -> Iterator[None]:
        """Turn a ROS error of the block into a RosError that names the topic and the enclave."""
        try:
            yield
        except _REFUSALS as error:
            why = reason(error, f'enclave {self._enclave()}')
            raise RosError(f'cannot {verb} {self._resolved(verb, name)}: {why}') from error

    def _resolved(self, verb: str, name: str) -> str:
        resolve = self.resolve_service_name if 'service' in verb else self.resolve_topic_name
        try:
            return str(resolve(name))
        except RuntimeError:  # an invalid name
            return repr(name)

    def _enclave(self) -> str:
        own = self.get_name(), self.get_namespace()
        for name, namespace, enclave in self.get_node_names_and_namespaces_with_enclaves():
            if (name, namespace) == own:
                return str(enclave)
        return '?'
