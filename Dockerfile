# The HERE Tracking Bridge as an image: production dependencies only, not root, fit for a read-only root file system.
#   docker build -t here-tracking-bridge .
#   docker run --init --read-only --tmpfs /tmp -v bridge-data:/data -p 127.0.0.1:8080:8080 \
#     -e HERE_BRIDGE_BROKERS_MAIN_URL=mqtt://broker:1883 -e HERE_BRIDGE_HTTP_OPEN=true here-tracking-bridge
# In a container the API listens on all addresses, so it refuses to start (exit code 78) unless it is told how it is protected:
# TLS (HERE_BRIDGE_HTTP_TLS_CERT_FILE, …_KEY_FILE) or a proxy that ends it (HERE_BRIDGE_HTTP_TRUST_PROXY), with a first user; or, as
# above, HERE_BRIDGE_HTTP_OPEN=true: no users and no TLS, for a port that is published to this machine alone.
# Everything that must outlive the container is in /data: a lost /data is a lost journal.

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The development dependency `node` is not needed here: the image is Node 24 already. No package needs an install script.
RUN npm ci --omit=dev --ignore-scripts --no-fund --no-audit

# The console, and the bridge in few files that V8 has compiled: it starts in a third of the time, and needs no sources.
FROM node:24-bookworm-slim AS built
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY bin ./bin
COPY src ./src
RUN node bin/build-console.js && node bin/build-bridge.js --user 1000

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    HERE_BRIDGE_DATA_DIR=/data \
    HERE_BRIDGE_HTTP_HOST=0.0.0.0
WORKDIR /app
RUN mkdir -p /data && chown 1000:1000 /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY config ./config
COPY --from=built /app/dist ./dist
# By number, so that `runAsNonRoot` of Kubernetes can see it: the user `node` of the base image.
USER 1000:1000
VOLUME ["/data"]
EXPOSE 8080
# Alive means that the event loop answers; whether HERE and the broker do is said by /health/ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HERE_BRIDGE_HTTP_PORT || 8080) + '/health/live', { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: SIGTERM reaches the bridge itself. It starts no processes, so it needs no init; `--init` (tini) does no harm.
ENTRYPOINT ["node", "bin/here-bridge.js"]
CMD ["start"]
