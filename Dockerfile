# One image for every role: the API, a worker, or both (ROLE), and `node dist/cli/migrate.js`.
#   docker build -t aftersend .

# Install scripts stay off: they fetch what only the embedded servers and development need.
FROM node:22.23.3-bookworm-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392 AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY scripts scripts
COPY prisma prisma
COPY src src
RUN node scripts/generate.mjs && node scripts/build.mjs

# The optional packages are the embedded PostgreSQL and compilers; the workflow code is bundled already.
FROM node:22.23.3-bookworm-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392 AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/prune-modules.mjs scripts/root.mjs scripts/
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && node scripts/prune-modules.mjs

FROM node:22.23.3-bookworm-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 WORKER_PORT=3001
WORKDIR /app
# Temporal's native core looks for the system's certificate authorities when it speaks TLS; the slim image has none.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY prisma/migrations prisma/migrations
COPY package.json ./
# Owned by root, run by somebody else: the process cannot change its own code. By number, which Kubernetes needs for runAsNonRoot: `node`.
USER 1000:1000
EXPOSE 3000 3001
STOPSIGNAL SIGTERM
# Straight to Node, without npm or a shell between: SIGTERM must arrive, or nothing is drained.
CMD ["node", "--enable-source-maps", "dist/main.js"]
