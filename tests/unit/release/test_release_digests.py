"""A released chart names the images by the digests that were pushed, or it is not made."""

from pathlib import Path

import pytest
import yaml

from release.digests import CHART, FILE, IMAGES, digests_file, main

DIGESTS = {name: f"sha256:{number:064x}" for number, name in enumerate(IMAGES)}


def test_the_file_has_the_digest_of_each_image(tmp_path: Path) -> None:
    (tmp_path / CHART / FILE).parent.mkdir(parents=True)
    main(tmp_path, [f"{name}={digest}" for name, digest in DIGESTS.items()])
    assert yaml.safe_load((tmp_path / CHART / FILE).read_text()) == DIGESTS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wrapper-ml": None}, "digests of operator, wrapper, not of"),
        ({"other": "sha256:" + "a" * 64}, "digests of operator, other, wrapper, wrapper-ml, not of"),
        ({"wrapper": ""}, "wrapper: '' is not a digest"),
        ({"wrapper": "latest"}, "wrapper: 'latest' is not a digest"),
        ({"wrapper": "sha256:abc"}, "wrapper: 'sha256:abc' is not a digest"),
        ({"wrapper": DIGESTS["operator"]}, "two images have the same digest"),
    ],
    ids=["one is missing", "one too many", "empty", "a tag", "short", "twice the same"],
)
def test_without_every_digest_there_is_no_chart(change: dict[str, str | None], words: str) -> None:
    digests = {name: digest for name, digest in {**DIGESTS, **change}.items() if digest is not None}
    with pytest.raises(ValueError, match=words):
        digests_file(digests)


def test_the_chart_of_the_repository_has_none() -> None:
    assert not (Path(__file__).resolve().parents[3] / CHART / FILE).exists()
