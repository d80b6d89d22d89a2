"""The clients that people bring: Triton's, KServe's and curl."""

import asyncio
import gzip
import json
import socket
import subprocess
from codecs import BOM_UTF8

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tritonclient import http as triton

from serving.body import BODY_CAP
from serving.protocols import DATATYPES
from serving.state import OUTPUTS
from tests.serving.live import FORECASTING, SYMBOL, Running, v2_inputs

_, PREDICT, EXPLAIN, INFER = FORECASTING
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def rows(features) -> list[dict[str, float | None]]:
    return list(features.values())[-3:]


@pytest.fixture(scope="module")
def forecasts(server: Running, rows) -> dict[str, list[float]]:
    """What V2 answers in JSON, by output."""
    answer = server.http.post(INFER, json={"inputs": v2_inputs(rows)}).json()
    return {output["name"]: output["data"] for output in answer["outputs"]}


def triton_inputs(rows, datatype: str = "FP64", *, binary: bool = True) -> list[triton.InferInput]:
    inputs = []
    for name in rows[0]:
        values = np.array([row[name] for row in rows], DATATYPES[datatype])
        inputs.append(triton.InferInput(name, [len(rows)], datatype))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    return inputs


def test_triton_finds_a_live_server_and_its_model(server: Running):
    with triton.InferenceServerClient(server.address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("volcast")
        assert not client.is_model_ready("other")
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        inputs = client.get_model_metadata("volcast")["inputs"]
        assert [one["name"] for one in inputs] == server.names()


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_triton_infers(server: Running, rows, forecasts, binary, compression):
    inputs = triton_inputs(rows, binary=binary)
    with triton.InferenceServerClient(server.address) as client:
        answer = client.infer("volcast", inputs, request_compression_algorithm=compression)
        some = [triton.InferRequestedOutput("hi80", binary_data=binary)]
        some.append(triton.InferRequestedOutput("rv_5d", binary_data=not binary))
        part = client.infer("volcast", inputs, outputs=some, request_id="7")
    assert {name: answer.as_numpy(name).tolist() for name in OUTPUTS} == forecasts
    assert part.get_response()["id"] == "7"
    assert [output["name"] for output in part.get_response()["outputs"]] == ["hi80", "rv_5d"]
    for name in ("hi80", "rv_5d"):
        assert part.as_numpy(name).tolist() == forecasts[name]


def test_triton_sends_single_precision(server: Running, rows, forecasts):
    with triton.InferenceServerClient(server.address) as client:
        answer = client.infer("volcast", triton_inputs(rows, "FP32"))
    assert answer.as_numpy("rv_5d") == pytest.approx(forecasts["rv_5d"], rel=1e-4)


def test_nan_of_a_binary_tensor_is_null_where_that_is_allowed(server: Running, rows, forecasts):
    with triton.InferenceServerClient(server.address) as client:
        without_vix = [{**row, "vix": float("nan")} for row in rows]
        answer = client.infer("volcast", triton_inputs(without_vix))
        assert answer.as_numpy("rv_5d").tolist() == forecasts["rv_5d"]
        with pytest.raises(triton.InferenceServerException) as refused:
            client.infer("volcast", triton_inputs([{**row, "iv": np.nan} for row in rows]))
    assert (refused.value.status(), refused.value.message().split(":")[0]) == ("400", "inputs.iv")


def test_triton_prints_why_a_request_is_refused(server: Running, rows):
    with triton.InferenceServerClient(server.address) as client:
        far = [{**rows[0], "iv": 20.0}]
        for model, version, values, status, where in (
            ("volcast", "", far, "400", "inputs, row 0"),
            ("volcast", "9", rows, "404", "path"),
            ("other", "", rows, "404", "path"),
        ):
            with pytest.raises(triton.InferenceServerException) as refused:
                client.infer(model, triton_inputs(values), model_version=version)
            assert refused.value.status() == status
            assert refused.value.message().split(":")[0] == where


@pytest.mark.parametrize("binary", [True, False])
def test_kserve_infers(server: Running, rows, forecasts, binary):
    async def infer() -> dict[str, list[float]]:
        inputs = []
        for name in rows[0]:
            inputs.append(InferInput(name, [len(rows)], "FP64"))
            values = np.array([row[name] for row in rows])
            inputs[-1].set_data_from_numpy(values, binary_data=binary)
        outputs = [RequestedOutput(name, {"binary_data": binary}) for name in OUTPUTS]
        request = InferRequest("volcast", inputs, request_outputs=outputs)
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            assert await client.is_server_ready(f"http://{server.address}")
            assert await client.is_model_ready(f"http://{server.address}", "volcast")
            answer = await client.infer(f"http://{server.address}", request, "volcast")
        return {output.name: output.as_numpy().tolist() for output in answer.outputs}

    assert asyncio.run(infer()) == forecasts


def test_kserve_predicts_explains_and_has_the_reason_of_a_refusal(server: Running, rows, forecasts):
    async def ask() -> tuple[dict, dict, httpx.Response]:
        async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
            place = (f"http://{server.address}",)
            predicted = await client.infer(*place, {"instances": rows}, "volcast")
            explained = await client.explain(*place, "volcast", {"instances": rows})
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await client.infer(*place, {"instances": []}, "volcast")
        return predicted, explained, refused.value.response

    predicted, explained, refused = asyncio.run(ask())
    assert [one["rv_5d"] for one in predicted["predictions"]] == forecasts["rv_5d"]
    assert len(explained["explanations"]) == len(rows)
    assert refused.json()["error"] == refused.json()["detail"]
    assert refused.headers["content-type"] == "application/problem+json"


def test_only_v1_and_v2_name_the_error(server: Running):
    named = {
        path: "error" in server.http.post(path, content=b"[").json()
        for path in (*FORECASTING, "/v2/models/other/infer", "/v1/models/other:predict", "/moon")
    }
    assert {path for path, has_it in named.items() if not has_it} == {"/predict", "/moon"}
    assert "error" in server.http.get("/v2/models/other").json()


def binary_body(rows, **change: object) -> tuple[bytes, dict[str, str]]:
    """A V2 request whose first input, or all of it, is changed."""
    inputs, tail = v2_inputs(rows), b""
    for tensor in inputs:
        raw = np.array(tensor.pop("data"), "<f8").tobytes()
        tensor["parameters"], tail = {"binary_data_size": len(raw)}, tail + raw
    whole = {name: change.pop(name) for name in ("parameters", "model_name") if name in change}
    inputs[0] |= change
    text = json.dumps({"inputs": inputs, **whole}).encode()
    return text + tail, {LENGTH: str(len(text))}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"datatype": "FP16"}, "inputs.0.datatype"),
        ({"datatype": "BF16"}, "inputs.0.datatype"),
        ({"datatype": "BYTES"}, "inputs.0.datatype"),
        ({"datatype": "FP32"}, "iv"),
        ({"shape": [2]}, "iv"),
        ({"data": [1.0]}, "inputs.0"),
        ({"parameters": 7}, "request.parameters"),
        ({"parameters": {"binary_data_output": 1}}, "binary_data_output"),
        ({"model_name": "other"}, "model_name"),
    ],
)
def test_binary_request_that_contradicts_itself(server: Running, rows, change, field):
    body, headers = binary_body(rows, **change)
    answer = server.http.post(INFER, content=body, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"binary_data_size": 7}, "inputs.0.parameters"),
        ({"binary_data_size": -8}, "inputs.0.parameters"),
        ({"binary_data_size": 10**9}, "inputs.0.parameters"),
        ({"binary_data_size": "24"}, "inputs.0.parameters"),
        ({"binary_data_size": True}, "inputs.0.parameters"),
        ({"shared_memory_region": "a", "shared_memory_byte_size": 24}, "inputs.0.parameters"),
        ([], "inputs.0.parameters"),
    ],
)
def test_parameters_of_a_tensor(server: Running, rows, parameters, field):
    inputs = v2_inputs(rows)
    del inputs[0]["data"]
    inputs[0]["parameters"] = parameters
    text = json.dumps({"inputs": inputs}).encode()
    headers = {LENGTH: str(len(text))}
    answer = server.http.post(INFER, content=text + bytes(24), headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("length", ["", "-1", "1e2", "9999999", "10, 10", "0x10"])
def test_length_of_the_json_that_is_none(server: Running, rows, length):
    body, _ = binary_body(rows)
    answer = server.http.post(INFER, content=body, headers={LENGTH: length})
    assert answer.status_code == 400
    assert "symbol" not in answer.json()["detail"]


def test_bytes_of_no_input_are_refused(server: Running, rows):
    body, headers = binary_body(rows)
    answer = server.http.post(INFER, content=body + bytes(8), headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs")


def test_unknown_parameters_have_no_effect_but_those_that_change_a_tensor_are_refused(
    server: Running, rows, forecasts
):
    body = {"inputs": v2_inputs(rows), "parameters": {"content_type": "pd"}}
    body["inputs"][0]["parameters"] = {"content_type": "np"}
    body["outputs"] = [{"name": "rv_5d", "parameters": {"content_type": "np"}}]
    answer = server.http.post(INFER, json=body).json()
    assert answer["outputs"][0]["data"] == forecasts["rv_5d"]
    for parameters in ({"classification": 2}, {"shared_memory_region": "a"}):
        body["outputs"][0]["parameters"] = parameters
        assert server.http.post(INFER, json=body).json()["field"] == "outputs.parameters"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    datatype=st.sampled_from([name for name in DATATYPES if "INT" in name]),
    value=st.integers(-70_000, 70_000) | st.integers(-130, 260) | st.floats(-1e5, 1e5),
)
def test_integers_are_those_that_their_datatype_can_hold(server: Running, rows, datatype, value):
    inputs = v2_inputs(rows[:1])
    inputs[0] |= {"datatype": datatype, "data": [value]}
    answer = server.http.post(INFER, json={"inputs": inputs})
    limits = np.iinfo(DATATYPES[datatype])
    fits = value == int(value) and limits.min <= value <= limits.max
    if answer.status_code == 200:
        assert fits
    else:
        # A value that fits may still be no log variance of a market.
        assert (answer.status_code, answer.json()["field"]) == (400, "inputs" if fits else "iv")


@pytest.mark.parametrize("iv", [20.0, 50.0, -60.0])
def test_no_path_answers_an_impossible_volatility(server: Running, rows, iv):
    """The implied volatility in points, 20 for 20 %, where its log variance belongs."""
    row = {**rows[0], "iv": iv}
    bodies = {
        "/predict": ({"symbol": SYMBOL, "features": row}, "features"),
        PREDICT: ({"instances": [rows[0], row]}, "instances"),
        EXPLAIN: ({"instances": [rows[0], row]}, "instances"),
        INFER: ({"inputs": v2_inputs([rows[0], row])}, "inputs"),
    }
    for path, (body, field) in bodies.items():
        answer = server.http.post(path, json=body)
        assert (answer.status_code, answer.json()["field"]) == (400, field), path


def curl(server: Running, *arguments: str, data: bytes = b"") -> tuple[str, bytes]:
    """Return the status and the body that curl prints."""
    command = ["curl", "-sS", "-m", "60", "-w", "\n%{http_code}", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    body, _, status = done.stdout.rpartition(b"\n")
    return status.decode(), body


def test_curl_sends_a_request_in_every_way(server: Running):
    url, body = f"http://{server.address}/predict", b'{"symbol": "SYN"}'
    plain = curl(server, "--data-binary", "@-", url, data=body)
    assert plain[0] == "200"
    post = ("--data-binary", "@-", url)
    packed = gzip.compress(body)
    ways = [
        (("-H", "Content-Encoding: gzip"), packed),
        (("-H", "Content-Encoding: GZIP"), packed),
        (("-H", "Content-Encoding: identity"), body),
        (("-H", "Transfer-Encoding: chunked"), body),
        (("-H", "Expect: 100-continue"), body),
        (("--http1.0",), body),
        (("--compressed",), body),
        (("-H", "Content-Type: application/json"), BOM_UTF8 + body),
    ]
    for arguments, data in ways:
        assert curl(server, *arguments, *post, data=data) == plain, arguments
    assert curl(server, f"{url}?symbol=SYN") == plain


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", b"{}", 415),
        ("zstd", b"{}", 415),
        ("gzip, gzip", b"{}", 415),
        ("gzip", b"{}", 400),
        ("gzip", gzip.compress(b'{"symbol": "SYN"}')[:-4], 400),
        ("gzip", gzip.compress(b"{}") + b"{}", 400),
        ("gzip", gzip.compress(bytes(100 * BODY_CAP)), 413),
        ("gzip", gzip.compress(b'{"symbol": "SYN"}'.ljust(BODY_CAP)), 200),
    ],
)
def test_compressed_bodies(server: Running, encoding, body, status):
    answer = server.http.post("/predict", content=body, headers={"content-encoding": encoding})
    assert answer.status_code == status
    assert (answer.headers.get("accept-encoding") == "gzip, deflate") == (status == 415)


def test_two_lengths_of_a_body_are_refused(server: Running):
    with socket.create_connection(("127.0.0.1", server.http.base_url.port), 30) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nhost: a\r\n" + b"content-length: 2\r\n" * 2)
        client.sendall(b"\r\n{}")
        assert b" 400 " in client.recv(4096).splitlines()[0]
