"""Every keyword of a constructor or a call, and its way. Pure.

A keyword is a field or parameter, or it stands in the table, or it is an extra, which goes to the model. Two guards
keep slips and secrets out of the extras; what stands in ``model_extras`` is meant for the model and passes, but for
words that never are: the key, the headers and whatever else belongs to the connection.
"""

from azure_inference_core._request.keywords.call import batch_of, guarded, header_marks, merge_params, merged
from azure_inference_core._request.keywords.constructor import (
    describe,
    fields_of,
    read_constructor,
)
from azure_inference_core._request.keywords.guards import CONNECTION_FIELDS
from azure_inference_core._request.keywords.place import DEPLOYMENTS
from azure_inference_core._request.keywords.sdk_client import client_kwargs_of
from azure_inference_core._request.keywords.table import WORDS
from azure_inference_core._request.keywords.ways import EXTRAS

__all__ = [
    "CONNECTION_FIELDS", "DEPLOYMENTS", "EXTRAS", "WORDS", "batch_of", "client_kwargs_of", "describe", "fields_of",
    "guarded", "header_marks", "merge_params", "merged", "read_constructor",
]  # fmt: skip
