# One image for the API and the workers; docker-compose.yml says which of them a container is.
FROM node:24-bookworm-slim AS build
WORKDIR /aegir
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node_modules/.bin/vite build ui && npm prune --omit=dev

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git openssh-client procps python3 python3-venv restic \
  && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/aegir-python \
  && /opt/aegir-python/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt
# Before a volume is laid over it, so that the volume belongs to the user below.
RUN install -d -o node -g node -m 0700 /var/lib/aegir
WORKDIR /aegir
COPY --from=build /aegir /aegir
ENV NODE_ENV=production AEGIR_HOME=/var/lib/aegir AEGIR_PYTHON=/opt/aegir-python/bin/python
USER node
CMD ["node", "server.ts"]
