# The operator's image. Build from the repository's root; any Debian base with Python 3.11 as `python3` will do. What
# ends up in the image is the interpreter, the locked packages and our code: no shell, no package manager, no pip.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS environment
COPY requirements/operator.txt /build/requirements.txt
COPY dev/imagebuild/prune.py dev/imagebuild/bytecode.py /build/imagebuild/
# Bytecode goes by no time of a file, so the same packages give the same bytes.
RUN python3 -m venv /opt/mlrun-operator \
 && /opt/mlrun-operator/bin/pip install --no-cache-dir --no-compile --require-hashes -r /build/requirements.txt \
 && cd /opt/mlrun-operator/lib/python3.11/site-packages \
 && rm -rf pip pip-* setuptools setuptools-* pkg_resources _distutils_hack distutils-precedence.pth \
 && find /opt/mlrun-operator/bin -type f -delete \
 && PYTHONPATH=/build PYTHONDONTWRITEBYTECODE=1 /opt/mlrun-operator/bin/python -m imagebuild.prune kubernetes.aio kopf \
 && find . -name __pycache__ -prune -exec rm -rf {} + \
 && PYTHONPATH=/build PYTHONHASHSEED=0 python3 -m imagebuild.bytecode .

FROM environment AS root
COPY dev/imagebuild /build/imagebuild
ARG VERSION=dev
ARG SOURCE_DATE_EPOCH=315619200
RUN PYTHONPATH=/build PYTHONHASHSEED=0 python3 -m imagebuild.rootfs /root-of-image /opt/mlrun-operator \
 && PYTHONPATH=/build python3 -m imagebuild.sbom operator "${VERSION}" /root-of-image \
    > /root-of-image/usr/share/sbom/operator.spdx.json

FROM ${BASE_IMAGE} AS source
COPY operator/src/mlrun_operator /opt/mlrun-operator/src/mlrun_operator
RUN chmod -R u=rwX,go=rX /opt/mlrun-operator \
 && PYTHONHASHSEED=0 python3 -m compileall -q -f --invalidation-mode unchecked-hash /opt/mlrun-operator/src

FROM scratch
COPY --from=root /root-of-image /
COPY --from=source /opt/mlrun-operator/src /opt/mlrun-operator/src
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mlrun-operator" \
      org.opencontainers.image.description="Runs MLRun functions on Kubernetes with nothing but Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/mlrun-operator/mlrun-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PYTHONPATH=/opt/mlrun-operator/src PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONUTF8=1 \
    SSL_CERT_FILE=/opt/mlrun-operator/lib/python3.11/site-packages/certifi/cacert.pem
USER 65532:65532
ENTRYPOINT ["/opt/mlrun-operator/bin/python", "-m", "mlrun_operator.controller"]
