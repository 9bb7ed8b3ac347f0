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

# What runs: Node.js, and the packages that a server loads. The optional ones are the embedded PostgreSQL and compilers; the workflow code is
# bundled already. Native code without the symbols that only debuggers read is 24 MB less.
FROM node:22.23.3-bookworm-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392 AS dependencies
# Any version of strip does; a pinned one is gone from Debian's mirrors at the next update.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/prune-modules.mjs scripts/root.mjs scripts/
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && node scripts/prune-modules.mjs \
 && find node_modules -name '*.node' -exec strip --strip-unneeded {} + \
 && strip --strip-unneeded -o /usr/local/bin/stripped-node /usr/local/bin/node

# The C and C++ libraries that Node.js is linked with and the certificate authorities: no shell and no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot@sha256:54df941ed0d06a1bd95ef5e0ce391fd8d9f94b64782dc9a60062727849ee3f97
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 WORKER_PORT=3001
WORKDIR /app
COPY --from=dependencies /usr/local/bin/stripped-node /usr/local/bin/node
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY prisma/migrations prisma/migrations
COPY package.json ./
# Owned by root, run by somebody else: the process cannot change its own code. By number, which Kubernetes needs for runAsNonRoot.
USER 1000:1000
EXPOSE 3000 3001
STOPSIGNAL SIGTERM
# Straight to Node, without npm or a shell between: SIGTERM must arrive, or nothing is drained.
CMD ["node", "--enable-source-maps", "dist/main.js"]
