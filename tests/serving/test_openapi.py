"""schemathesis drives the server by the protocol's OpenAPI description.

``protocol.json`` is our own writing of it: upstream's names neither the routes without a version
nor the errors that our server answers with.
"""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from obfnet.serving import Settings, running

load_all_checks()
schema = schemathesis.openapi.from_dict(
    json.loads(Path(__file__).with_name("protocol.json").read_text("utf-8"))
)


@pytest.fixture(scope="module")
def url(repository):
    with running(Settings(repository, port=0)) as url:
        yield url


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_protocol(case, url):
    # The description cannot say which names and shapes a model takes, so 400 is right for others.
    case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])
