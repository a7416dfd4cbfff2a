# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY pyproject.toml constraints.txt README.md ./
COPY bot bot
COPY cogs cogs
# EXTRAS=fastembed is the variant that can embed by itself.
ARG EXTRAS=
# Without bytecode and pip: what is left is what runs, 340 MB of it.
RUN pip install --no-cache-dir --no-compile --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}" && pip uninstall --yes pip

FROM python:3.12-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="channel-memory" \
      org.opencontainers.image.description="A Discord bot that remembers what was said in the channels where it may listen" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --uid 10001 --create-home --home-dir /data bot && chmod 700 /data
COPY --from=build /opt/venv /opt/venv
# Everything that is written goes to /data (HOME too), so that the root file system can be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/data \
    DATA_DIR=/data \
    MPLCONFIGDIR=/data/matplotlib \
    METRICS_PORT=9464 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "bot.cli.healthcheck"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
