"""The settings of the platform for all runs: the operator's settings that rendering needs."""

import re
from typing import Final, Literal

from pydantic import Field, field_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.options import RunOptions

MAX_CA_BUNDLE: Final = bounds.CA_BUNDLE.limit
MAX_GROUP: Final = bounds.GROUP.limit
_MLRUN_IMAGE = re.compile(r"([a-z0-9.:/-]+/)?mlrun/mlrun(:[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]+)?")


class ImageRule(Model):
    """A rule that replaces an image. `from` may contain one `*`, whose text replaces the `*` in `to`."""

    from_: str = Field(alias="from", max_length=512, pattern=r"^[^*\s]*\*?[^*\s]*$")
    to: str = Field(max_length=512, pattern=r"^[^*\s]*\*?[^*\s]*$", min_length=1)

    def apply(self, image: str) -> str | None:
        """Return the image to run instead of this one; None if the rule does not match."""
        match = _pattern(self.from_).fullmatch(image)
        return self.to.replace("*", match[1] if "*" in self.from_ else "") if match else None


class Platform(Model):
    """The images, the store and the defaults. `store.root` may contain `{namespace}`."""

    wrapper_image: str = "mlrun-operator/wrapper:dev"
    wrapper_ml_image: str | None = Field(
        None, description="Image to run for mlrun/mlrun; default: the wrapper's image."
    )
    image_rewrites: tuple[ImageRule, ...] = ()
    image_allow: tuple[str, ...] = Field((), description="Patterns of allowed images, with `*`; none allows all.")
    run_as_user: int | None = Field(65532, ge=1, description="User and group of the pods; None: set by the cluster.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    store: StoreInfo = StoreInfo(root="s3://mlrun/{namespace}")
    fetch: FetchRules = FetchRules()
    pip: PipInfo = PipInfo()
    proxy: ProxyInfo | None = None
    ca_bundle: str | None = Field(None, description="PEM certificates for every pod, at most 32 KiB.")
    run_defaults: RunOptions | None = Field(None, description="Options for runs; functions and runs override them.")
    backoff_limit: int = Field(0, ge=0)
    gpu_resource: str = Field("nvidia.com/gpu", description="Resource name that `gpu` stands for.")
    pending_deadline_seconds: int | None = Field(None, ge=1)
    max_disruptions: int = Field(10, ge=0)
    max_concurrent_runs: int | None = Field(None, ge=1, description="Limit for each namespace.")
    host_aliases: bool = Field(default=True, description="Whether runs may set `hostAliases`.")
    min_fs_group: int = Field(1, ge=1, description="Smallest `fsGroup` that a run may set.")
    max_fs_group: int = Field(MAX_GROUP, ge=1, description="Largest `fsGroup` that a run may set.")

    @field_validator("ca_bundle")
    @classmethod
    def _small(cls, pem: str | None) -> str | None:
        if pem and len(pem.encode()) > MAX_CA_BUNDLE:
            raise ValueError(
                "the CA bundle is larger than 32 KiB; set only your own root certificates, not the system's bundle"
            )
        return pem or None

    @property
    def own_images(self) -> tuple[str, ...]:
        """Return the images that contain the wrapper."""
        return tuple(image for image in (self.wrapper_image, self.wrapper_ml_image) if image)

    def image_for(self, requested: str | None) -> str:
        """Return the image to run for a requested one, by the first rule that matches.

        Without such a rule mlrun's own image, which is large and has no wrapper, is replaced by ours.
        """
        if requested is None:
            return self.wrapper_image
        rewrites = (rule.apply(requested) for rule in self.image_rewrites)
        rewritten = next((image for image in rewrites if image is not None), None)
        if rewritten is not None:
            return rewritten
        return (self.wrapper_ml_image or self.wrapper_image) if _MLRUN_IMAGE.fullmatch(requested) else requested

    def is_exchanged_for_plain(self, requested: str | None) -> bool:
        """Return whether the wrapper's image runs for mlrun's own, without the packages of wrapper-ml."""
        is_mlruns_own = requested is not None and _MLRUN_IMAGE.fullmatch(requested) is not None
        image = self.image_for(requested)
        return is_mlruns_own and image == self.wrapper_image != self.wrapper_ml_image

    def check_allowed(self, image: str) -> None:
        """Raise ValueError for an image that the operator's settings do not allow."""
        if not self.image_allow or image in self.own_images:
            return
        if not any(_pattern(allowed).fullmatch(image) for allowed in self.image_allow):
            raise ValueError(f"image {image} is not allowed here; the operator allows {', '.join(self.image_allow)}")


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression, in which `*` matches any text, also an empty one."""
    return re.compile("(.*)".join(map(re.escape, text.split("*"))))
