"""Print every package of this environment with its version, for requirements/lock.txt."""

from __future__ import annotations

from importlib.metadata import distributions


def main() -> None:
    """Print a line a package; what pip did not install from an index is left out."""
    print('# All packages of the environment, held still by `pip install -c`. Made by `make lock`.')
    pins = set()
    for distribution in distributions():
        # The ROS wheels carry the metadata of Python packages within them, which pip never saw.
        from_pip = distribution.read_text('INSTALLER') is not None
        if from_pip and distribution.read_text('direct_url.json') is None:
            # A local version (torch's +cpu) names a build, not a release.
            pins.add(f'{distribution.name}=={distribution.version.partition("+")[0]}')
    pins -= {pin for pin in pins if pin.startswith('pip==')}
    print('\n'.join(sorted(pins, key=str.lower)))


if __name__ == '__main__':
    main()
