# The image of Mailtalk's own services; docker-compose.yml says how each one is started.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mailtalk
ENV PATH=/opt/mailtalk/bin:$PATH
WORKDIR /src

# Dependencies first: the layer is kept until a lock changes. Wheels only, but for the four that have none: they are
# built from their pinned sources by the pinned setuptools.
COPY requirements-build.lock requirements-server.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements-build.lock
RUN pip install --require-hashes --only-binary :all: --no-binary authheaders,authres,dkimpy,pyspf \
    --no-build-isolation -r requirements-server.lock

COPY pyproject.toml README.md LICENSE ./
COPY mailtalk mailtalk
COPY api api
COPY console console
COPY smtp_bridge smtp_bridge
COPY worker worker
COPY cli cli
# setuptools comes from the lock, so nothing is fetched here; neither it nor pip is needed afterwards.
RUN pip install --no-deps --no-index --no-build-isolation . \
    && pip uninstall --yes setuptools pip

FROM python:3.11-slim
RUN groupadd --gid 10001 mailtalk \
    && useradd --uid 10001 --gid mailtalk --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mailtalk
COPY --from=build /opt/mailtalk /opt/mailtalk
ENV PATH=/opt/mailtalk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000 8025
# Asks the process that the container runs; docker-compose.yml has each service's own times.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["mailtalk", "health", "container"]
ENTRYPOINT ["mailtalk"]
CMD ["--help"]
