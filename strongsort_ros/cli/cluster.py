"""Clusters of machines that joblib can give work to: Dask and Ray."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from strongsort_ros.cli.console import say

CLUSTERS: Final = ('dask', 'ray')
"""The backends of joblib that are clusters; the extras of this package bear these names."""


@contextmanager
def connected(backend: str, workers: int | None) -> Iterator[None]:
    """Connect to a cluster, so that joblib knows it, and leave it in the end.

    Parameters
    ----------
    backend
        'dask': the cluster of DASK_SCHEDULER_ADDRESS; 'ray': that of RAY_ADDRESS. Without these
        one is started on this machine.
    workers
        Of a cluster that is started; None: as it chooses.

    Raises
    ------
    InputError
        The package for it is not installed, or the cluster does not answer.

    """
    from strongsort_ros.errors import InputError

    with ExitStack() as stack:
        try:
            connection = (_dask if backend == 'dask' else _ray)(workers)
            say(f'{backend}: {stack.enter_context(connection)}')
        except ImportError as error:
            hint = f'pip install strongsort_ros[{backend}]'
            raise InputError(f'--backend {backend}: {error}; {hint}') from error
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f'--backend {backend}: no connection: {error}') from error
        yield


@contextmanager
def _dask(workers: int | None) -> Iterator[str]:
    from dask import config
    from distributed import Client

    here = {} if config.get('scheduler-address', None) else {'n_workers': workers}
    with Client(**here) as client:
        yield client.scheduler.address


@contextmanager
def _ray(workers: int | None) -> Iterator[str]:
    import ray
    from ray.util.joblib import register_ray

    here = {} if os.environ.get('RAY_ADDRESS') else {'num_cpus': workers}
    connection = ray.init(log_to_driver=False, include_dashboard=False, **here)
    register_ray()
    try:
        yield connection.address_info['address']
    finally:
        ray.shutdown()
