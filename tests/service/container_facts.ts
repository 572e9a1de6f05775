import type { ContainerFacts } from "../../src/service/container_facts.ts";

/** Facts of a configuration with a file, an admin page and PostgreSQL. */
export const FACTS: ContainerFacts = {
  image: "ghcr.io/owner/llm-proxy:1.2.3",
  replicas: 3,
  ports: [{ name: "http", port: 33000, tls: false }, { name: "admin", port: 33001, tls: false }],
  variables: new Map([["LOG_LEVEL", "debug"], ["ALLOWED_HOSTS", "a$b.test"]]),
  secrets: ["GROQ_KEY", "MANAGEMENT_TOKEN", "DATABASE_URL"],
  config: {
    name: "config.toml",
    path: "config.toml",
    text: '# Schlüssel\n[endpoints.groq]\napi_key = "${GROQ_KEY}"\n\n  # indented\n',
  },
  notes: ["Mount ca.pem too."],
  hasCertificateFiles: false,
  drainDelaySeconds: 5,
  drainSeconds: 90,
  store: "postgres",
  upstreamPorts: [443, 5432, 11434],
};
