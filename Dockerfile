# Build: resolve dependencies and emit dist/ with the full tool chain, then keep only what runs.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-fund --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY labels ./labels
COPY profiles ./profiles
RUN npm run build && npm prune --omit=dev --no-fund --no-audit && rm -rf node_modules/node node_modules/node-* node_modules/.bin

# Run: no compiler, no package manager cache, no root.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
  && mkdir -p /app/var && chown node:node /app/var
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist ./dist
COPY --from=build --chown=root:root /app/labels ./labels
COPY --from=build --chown=root:root /app/profiles ./profiles
COPY --from=build --chown=root:root /app/package.json ./
USER node
VOLUME /app/var
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["serve", "--config", "/app/config.json"]
