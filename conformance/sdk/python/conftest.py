import tempfile
from collections.abc import Iterator

import pytest

from server import Proxy, serve


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        process, url = serve(folder)
        yield url
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def through(server: str) -> Iterator[Proxy]:
    proxy = Proxy(server)
    yield proxy
    proxy.end()


@pytest.fixture
def proxy(through: Proxy) -> Proxy:
    through.trouble()
    return through
