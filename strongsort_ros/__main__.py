"""`python -m strongsort_ros`: the `strongsort` command."""

from strongsort_ros.cli.main import program

if __name__ == '__main__':
    program()
