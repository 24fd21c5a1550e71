"""Open Inference Protocol v2 (REST): pure functions between bytes and objects.

Encoders return HTTP headers and a body; decoders take a body and the value of its
``HEADER_LENGTH`` header, and raise ``ProtocolError`` for whatever is malformed.
"""

from obfnet.wire.envelope import HEADER_LENGTH
from obfnet.wire.metadata import ModelMetadata, TensorMetadata, decode_metadata, encode_metadata
from obfnet.wire.request import InferRequest, RequestedOutput, decode_request, encode_request
from obfnet.wire.response import (
    InferResponse,
    decode_error,
    decode_response,
    encode_error,
    encode_response,
)
from obfnet.wire.tensor import DATATYPES, Tensor

__all__ = [
    "DATATYPES",
    "HEADER_LENGTH",
    "InferRequest",
    "InferResponse",
    "ModelMetadata",
    "RequestedOutput",
    "Tensor",
    "TensorMetadata",
    "decode_error",
    "decode_metadata",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_metadata",
    "encode_request",
    "encode_response",
]
