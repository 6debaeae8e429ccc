# One image for the registry and the runner; docker-compose.yml says which of them a container is.
FROM node:20.20.2-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY libs libs
COPY apps apps
RUN npm ci && npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/data NODE_OPTIONS="--enable-source-maps --max-semi-space-size=64"
WORKDIR /app
COPY --from=build /app ./
COPY langgraph.json ./
COPY graphs graphs
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
CMD ["node", "apps/registry/dist/main.js"]
