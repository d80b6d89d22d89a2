"""Pipelines compiled with digests are the committed ones, but for the images."""

import json
import re
from pathlib import Path

import pytest

from pipelines.compile import COMPILED, main
from pipelines.digests import references
from volcast.steps import IMAGES

BUILT = {
    name: f"registry.example:5001/volcast/{name}:1.2@sha256:{str(number) * 64}"
    for number, name in enumerate(sorted(set(IMAGES.values())))
}


def built(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "build.json"
    path.write_text(json.dumps(content))
    return path


def skaffold(images: dict[str, str]) -> dict[str, object]:
    builds = [{"imageName": f"volcast/{name}", "tag": tag} for name, tag in images.items()]
    return {"builds": [*builds, {"imageName": "volcast/serving", "tag": "x:y"}]}


@pytest.mark.parametrize("form", [skaffold, dict], ids=["skaffold's file", "a map"])
def test_only_the_images_differ_from_what_is_committed(tmp_path, form, capsys):
    path, out = built(tmp_path, form(BUILT)), tmp_path / "dist"
    assert main(["--digests", str(path), "--out", str(out)]) == 0
    committed = sorted(COMPILED.glob("*.yaml"))
    assert [one.name for one in sorted(out.iterdir())] == [one.name for one in committed]
    for one in committed:
        tagged, digested = one.read_text(), (out / one.name).read_text()
        images = re.findall(r"image: (\S+)", digested)
        assert set(images) <= set(BUILT.values())
        assert images
        back = digested
        for name, reference in BUILT.items():
            back = back.replace(reference, f"volcast/{name}:latest")
        assert back == tagged
    assert capsys.readouterr().out.count("rendered") == len(committed)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": None}, "model: found None"),
        ({"drift": "registry.example/volcast/drift:1.2"}, "drift: found registry.example"),
        ({"data": f"data@sha256:{'a' * 63}"}, "data: found data@sha256"),
    ],
)
def test_an_image_that_is_missing_or_has_no_digest_is_refused(tmp_path, wrong, said, capsys):
    path, out = built(tmp_path, skaffold(BUILT | wrong)), tmp_path / "dist"
    with pytest.raises(SystemExit) as ended:
        main(["--digests", str(path), "--out", str(out)])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"builds": [{"tag": "x"}]}'])
def test_what_is_no_build_is_refused(tmp_path, text, capsys):
    path = tmp_path / "build.json"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["--digests", str(path), "--out", str(tmp_path / "dist")])
    assert ended.value.code == 2
    assert str(path) in capsys.readouterr().err


OTHER = f"registry.example/volcast/data@sha256:{'f' * 64}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps({"builds": [{"imageName": None, "tag": BUILT["data"]}]}), "imageName"),
        (json.dumps({"builds": [{"imageName": 7, "tag": BUILT["data"]}]}), "imageName"),
        (json.dumps({"builds": ["volcast/data", None]}), "imageName"),
        (json.dumps(skaffold(BUILT))[:-2] + ", " + json.dumps(
            {"imageName": "elsewhere/data", "tag": OTHER}) + "]}", "data: registry.example:5001"),
        (json.dumps(BUILT | {"elsewhere/data": OTHER}), "data: registry.example:5001"),
        (json.dumps(BUILT)[:-1] + f', "data": "{OTHER}"}}', "data: registry.example:5001"),
        (json.dumps(BUILT | {"model": OTHER}), f"model: found {OTHER}"),
        (json.dumps(skaffold(BUILT | {"model": BUILT["drift"]})), "model: found registry"),
        (json.dumps(BUILT | {"model": BUILT["data"].replace("/data:", "/serving:"),
                             "serving": "x"}), "model: found registry"),
        ('{"builds": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested"),
    ],
    ids=[
        "no name", "a number", "no builds", "twice", "twice in a map", "twice by one name",
        "of another", "of another build", "of an image that no step has", "nested",
    ],
)  # fmt: skip
def test_a_build_that_mixes_images_up_is_refused(tmp_path, text, said, capsys):
    path, out = tmp_path / "build.json", tmp_path / "dist"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["--digests", str(path), "--out", str(out)])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_an_image_that_is_named_twice_alike_is_taken():
    twice = json.dumps(BUILT | {"elsewhere/data": BUILT["data"]})
    assert references(twice, BUILT) == BUILT


def test_every_image_that_is_missing_is_named_at_once():
    with pytest.raises(ValueError, match=r"data: found none; drift: found none; model: found none"):
        references("{}", BUILT)


def test_the_committed_pipelines_are_written_without_digests_alone(capsys):
    with pytest.raises(SystemExit):
        main(["--out", "somewhere"])
    assert "carries tags" in capsys.readouterr().err
