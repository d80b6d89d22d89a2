"""Pipelines compiled with digests are the committed ones, except for the images."""

import json
import re

import pytest

from pipelines.compile import COMPILED, main, references
from volcast.steps import IMAGES

BUILT = {
    name: f"registry.example:5001/volcast/{name}:1.2@sha256:{str(number) * 64}"
    for number, name in enumerate(sorted(set(IMAGES.values())))
}
OTHER = f"registry.example/volcast/data@sha256:{'f' * 64}"


def skaffold(images: dict[str, str]) -> dict[str, object]:
    builds = [{"imageName": f"volcast/{name}", "tag": tag} for name, tag in images.items()]
    return {"builds": [*builds, {"imageName": "volcast/serving", "tag": "x:y"}]}


@pytest.mark.parametrize("form", [skaffold, dict], ids=["skaffold's file", "a map"])
def test_only_the_images_differ_from_what_is_committed(tmp_path, form):
    path, out = tmp_path / "build.json", tmp_path / "dist"
    path.write_text(json.dumps(form(BUILT)))
    assert main(["--digests", str(path), "--out", str(out)]) == 0
    committed = sorted(COMPILED.glob("*.yaml"))
    assert [one.name for one in sorted(out.iterdir())] == [one.name for one in committed]
    for one in committed:
        digested = (out / one.name).read_text()
        images = re.findall(r"image: (\S+)", digested)
        assert images
        assert set(images) <= set(BUILT.values())
        for name, reference in BUILT.items():
            digested = digested.replace(reference, f"volcast/{name}:latest")
        assert digested == one.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"builds": [{"tag": "x"}]}',
        json.dumps({"builds": [{"imageName": None, "tag": BUILT["data"]}]}),
        json.dumps({"builds": ["volcast/data", None]}),
        json.dumps(skaffold(BUILT | {"model": None})),
        json.dumps(skaffold(BUILT | {"drift": "registry.example/volcast/drift:1.2"})),
        json.dumps(skaffold(BUILT | {"data": f"data@sha256:{'a' * 63}"})),
        json.dumps(BUILT | {"elsewhere/data": OTHER}),
        json.dumps(BUILT | {"model": OTHER}),
        json.dumps(skaffold(BUILT | {"model": BUILT["drift"]})),
        json.dumps(BUILT | {"model": BUILT["data"].replace("/data:", "/serving:")}),
    ],
    ids=[
        "empty", "a list", "no image", "no name", "name is null", "no builds", "missing",
        "by tag", "short digest", "two references", "of another", "of another build",
        "of an image that no step has",
    ],
)  # fmt: skip
def test_a_build_that_lacks_the_digest_of_an_image_is_refused(tmp_path, text, capsys):
    path, out = tmp_path / "build.json", tmp_path / "dist"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["--digests", str(path), "--out", str(out)])
    assert ended.value.code == 2
    assert str(path) in capsys.readouterr().err
    assert not out.exists()


def test_an_image_that_is_named_twice_alike_is_accepted():
    twice = json.dumps(BUILT | {"elsewhere/data": BUILT["data"]})
    assert references(twice, BUILT) == BUILT


def test_every_image_that_is_missing_is_named_at_once():
    with pytest.raises(ValueError, match=r"data: found none; drift: found none; model: found none"):
        references("{}", BUILT)


def test_digests_are_never_written_to_what_is_committed():
    with pytest.raises(SystemExit):
        main(["--out", "somewhere"])
