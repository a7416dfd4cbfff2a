# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY pyproject.toml README.md ./
COPY bot bot
COPY cogs cogs
RUN pip install --no-cache-dir --no-compile . && pip uninstall --yes pip

FROM python:3.12-slim
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="channel-memory" org.opencontainers.image.version="${VERSION}"
RUN useradd --uid 10001 --create-home --home-dir /data bot && chmod 700 /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH DATA_DIR=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
