# Compiles the program into one binary. The image has only this binary, on distroless `cc`, because it needs libgcc_s.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6 AS compile
ARG TARGETARCH=amd64
# OWNER/NAME of the repository of the release; empty for a local build.
ARG REPOSITORY=
WORKDIR /build
COPY deno.json deno.lock ./
COPY .ci/deno.json .ci/
COPY .github/release/deno.json .github/release/
COPY tests/deno.json tests/
COPY src src
COPY docs docs
RUN case "$TARGETARCH" in \
      amd64) target=x86_64-unknown-linux-gnu ;; \
      arm64) target=aarch64-unknown-linux-gnu ;; \
      *) echo "no target for $TARGETARCH" >&2; exit 1 ;; \
    esac \
 && deno run -A src/build/compile.ts --target "$target" --repository "$REPOSITORY" --output /out/llm-proxy \
 && mkdir /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="llm-proxy" \
      org.opencontainers.image.description="A transparent LLM API proxy: clients have one token, and the providers' keys stay on the proxy." \
      org.opencontainers.image.licenses="MIT"
COPY --from=compile /out/llm-proxy /usr/local/bin/llm-proxy
# The folder of the database, with MANAGEMENT_TOKEN. A volume gets the owner of this folder.
COPY --from=compile --chown=65532:65532 /out/data /data
# With PostgreSQL, commands in the container find the process by a file in ./data/, which is /data too.
WORKDIR /
ENV DATABASE_URL=sqlite:/data/llm-proxy.db
# If HTTPS_PORT or ADMIN_PORT is set, publish it too.
EXPOSE 33000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/llm-proxy", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/llm-proxy"]

