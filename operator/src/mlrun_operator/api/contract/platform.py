"""What the platform decides for all runs: the part of the operator's settings that rendering needs."""

import re
from typing import Final, Literal

from pydantic import Field, field_validator

from mlrun_operator.api.base import Model
from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.options import RunOptions

MAX_CA_BUNDLE: Final = 32 * 1024
_MLRUN_IMAGE = re.compile(r"([a-z0-9.:/-]+/)?mlrun/mlrun(:[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]+)?")


class ImageRule(Model):
    """Which image runs in the place of another: `from` may hold one `*`, whose text `to` takes over by its own `*`."""

    from_: str = Field(alias="from", max_length=512, pattern=r"^[^*\s]*\*?[^*\s]*$")
    to: str = Field(max_length=512, pattern=r"^[^*\s]*\*?[^*\s]*$", min_length=1)

    def applied(self, image: str) -> str | None:
        """The image that runs for this one; None where the rule is not about it."""
        found = _pattern(self.from_).fullmatch(image)
        return self.to.replace("*", found[1] if "*" in self.from_ else "") if found else None


class Platform(Model):
    """Images, store and defaults. `store.root` may hold `{namespace}`."""

    wrapper_image: str = "mlrun-operator/wrapper:dev"
    wrapper_ml_image: str | None = Field(None, description="What runs for mlrun/mlrun; default: the wrapper's image.")
    image_rewrites: tuple[ImageRule, ...] = ()
    image_allow: tuple[str, ...] = Field((), description="Patterns with `*`; none: every image.")
    run_as_user: int | None = Field(65532, ge=1, description="User and group of the pods; None: the cluster's choice.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    store: StoreInfo = StoreInfo(root="s3://mlrun/{namespace}")
    fetch: FetchRules = FetchRules()
    pip: PipInfo = PipInfo()
    proxy: ProxyInfo | None = None
    ca_bundle: str | None = Field(None, description="PEM certificates, at most 32 KiB: they travel in every pod.")
    run_defaults: RunOptions | None = Field(None, description="Options of runs that neither run nor function say.")
    backoff_limit: int = Field(0, ge=0)
    gpu_resource: str = Field("nvidia.com/gpu", description="What the resource `gpu` stands for.")
    pending_deadline_seconds: int | None = Field(None, ge=1)
    max_disruptions: int = Field(10, ge=0)
    max_concurrent_runs: int | None = Field(None, ge=1, description="In one namespace.")

    @field_validator("ca_bundle")
    @classmethod
    def _small(cls, pem: str | None) -> str | None:
        if pem and len(pem.encode()) > MAX_CA_BUNDLE:
            raise ValueError(
                "the CA bundle is limited to 32 KiB; give the corporate root only, not the system's bundle"
            )
        return pem or None

    @property
    def own_images(self) -> tuple[str, ...]:
        """The images that hold the wrapper."""
        return tuple(image for image in (self.wrapper_image, self.wrapper_ml_image) if image)

    def image_for(self, asked: str | None) -> str:
        """The image that runs for the one asked for: by the first rule that fits it, else as it is.

        mlrun's own image, which has no wrapper and is large, is replaced by ours where no rule says otherwise.
        """
        if asked is None:
            return self.wrapper_image
        rewritten = next((made for rule in self.image_rewrites if (made := rule.applied(asked)) is not None), None)
        if rewritten is not None:
            return rewritten
        return (self.wrapper_ml_image or self.wrapper_image) if _MLRUN_IMAGE.fullmatch(asked) else asked

    def check_allowed(self, image: str) -> None:
        """Raise ValueError for an image that the operator's settings do not let run."""
        if not self.image_allow or image in self.own_images:
            return
        if not any(_pattern(allowed).fullmatch(image) for allowed in self.image_allow):
            raise ValueError(f"image {image} is not allowed here; the operator allows {', '.join(self.image_allow)}")


def _pattern(text: str) -> re.Pattern[str]:
    """`*` stands for any text, also for none."""
    return re.compile("(.*)".join(map(re.escape, text.split("*"))))
