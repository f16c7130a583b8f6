# One image for every process of alertd; docker-compose.yml says which one each container is.
FROM python:3.13-slim-bookworm

# a volume takes its owner from the folder on which it is mounted first
RUN useradd --system --uid 10001 --home-dir /var/lib/alertd --create-home alertd \
    && install --directory --owner alertd --mode 750 /var/lib/alertd/var
WORKDIR /opt/alertd
COPY requirements.lock requirements-uv.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements-uv.lock \
    && uv pip install --system --no-cache --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md NOTICE LICENSE ./
COPY alertd alertd
COPY channels channels
COPY tts tts
COPY operator_console operator_console
RUN uv pip install --system --no-cache --no-deps --no-build-isolation .

USER 10001
WORKDIR /var/lib/alertd
ENV ALERTD_CONFIG=/etc/alertd/alertd.toml
ENTRYPOINT ["alertd"]
CMD ["--help"]
