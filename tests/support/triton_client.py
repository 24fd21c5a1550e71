"""Drives a server with tritonclient, in an environment that has it: ``triton_client.py HTTP GRPC``.

Reads cases from standard input and answers each on standard output, both as one JSON list.
"""

import json
import sys

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException


def main(http_url, grpc_url, cases):
    clients = {"http": over_http.InferenceServerClient(http_url)}
    if grpc_url:
        clients["grpc"] = over_grpc.InferenceServerClient(grpc_url)
    return [attempt(clients, **case) for case in cases]


def attempt(clients, via, ask="infer", **case):
    client = clients["grpc" if via == "grpc" else "http"]
    try:
        if ask == "infer":
            return infer(client, via, **case)
        if ask == "metadata":
            return metadata(client, via, **case)
        return {"said": getattr(client, ask)(**case)}
    except InferenceServerException as error:
        return {"status": str(error.status()).removeprefix("StatusCode."), "error": error.message()}


def infer(client, via, model, inputs, outputs=(), version="", content_type=True, identifier=""):
    module = over_grpc if via == "grpc" else over_http
    # Over gRPC there is one form only.
    form = {} if via == "grpc" else {"binary_data": via == "binary"}
    given = []
    for name, (datatype, dtype, shape, values) in inputs.items():
        made = module.InferInput(name, shape, datatype)
        made.set_data_from_numpy(np.array(values, dtype).reshape(shape), **form)
        given.append(made)
    wanted = [module.InferRequestedOutput(name, **form) for name in outputs]
    # Without outputs named, tritonclient asks for all in binary.
    headers = {"Content-Type": "application/json"} if via == "json" and content_type else None
    found = client.infer(
        model, given, version, wanted or None, headers=headers, request_id=identifier
    )
    response = found.get_response(as_json=True) if via == "grpc" else found.get_response()
    arrays = {each["name"]: found.as_numpy(each["name"]) for each in response["outputs"]}
    return {
        "model": response["model_name"],
        "version": response.get("model_version") or "",
        "id": response.get("id") or "",
        "outputs": {
            name: [str(array.dtype), list(array.shape), array.ravel().tolist()]
            for name, array in arrays.items()
        },
    }


def metadata(client, via, model, version=""):
    said = client.get_model_metadata(model, version, **({"as_json": True} if via == "grpc" else {}))

    def tensors(role):
        return [
            [each["name"], each["datatype"], [int(length) for length in each["shape"]]]
            for each in said[role]
        ]

    return {
        "name": said["name"],
        "versions": said.get("versions") or [],
        "platform": said.get("platform", ""),
        "inputs": tensors("inputs"),
        "outputs": tensors("outputs"),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], json.load(sys.stdin))))
