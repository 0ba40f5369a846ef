"""Labels and names of resources, as the API server takes them."""

import pytest

from mlrun_operator.api.values.labels import annotation_key, is_extended, is_label_key, is_label_value, resource_name


@pytest.mark.parametrize("text", ["a", "A-b_c.9", "example.org/team", "a.b/c", "x" * 63, f"{'a.' * 126}b/c"])
def test_keys_of_labels(text: str) -> None:
    assert is_label_key(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "a b", "/a", "a/", "a/b/c", "A.org/b", "a..b/c", "x" * 64, f"{'a' * 254}/b", "a\n", "\u00e4"],
)
def test_what_is_no_key_of_a_label(text: str) -> None:
    assert not is_label_key(text)


@pytest.mark.parametrize(
    ("text", "is_one"), [("", True), ("A.b_c-9", True), ("a b", False), (".a", False), ("a\n", False)]
)
def test_values_of_labels(text: str, *, is_one: bool) -> None:
    assert is_label_value(text) == is_one


def test_the_prefix_of_an_annotation_may_have_upper_case() -> None:
    assert annotation_key("Example.org/a") == "Example.org/a"
    with pytest.raises(ValueError, match="is no key of an annotation"):
        annotation_key("a b")


@pytest.mark.parametrize(
    "text", ["cpu", "memory", "ephemeral-storage", "gpu", "hugepages-2Mi", "nvidia.com/mig-1g.5gb"]
)
def test_resources_of_a_container(text: str) -> None:
    assert resource_name(text) == text


@pytest.mark.parametrize("text", ["mem", "CPU", "storage", "a/b/c", ""])
def test_what_is_no_resource(text: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        resource_name(text)


def test_devices_are_what_vendors_name() -> None:
    names = ("nvidia.com/gpu", "cpu", "hugepages-2Mi", "kubernetes.io/x", "batch.kubernetes.io/x")
    assert [is_extended(name) for name in names] == [True, False, False, False, False]
