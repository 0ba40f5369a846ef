"""A small HTTPS file server with its own CA: input data for the demo and the end-to-end tests.

`with serve(folder) as url:` serves a folder on the development cluster's bridge, so that pods and this machine reach
it under one URL. A pod trusts it through the operator's `caBundle` setting, as it would trust a company's own CA.
"""

from fileserver.authority import certificate
from fileserver.server import serve

__all__ = ["certificate", "serve"]
