import { assert } from "@std/assert";

/** The secrets of all tests. Each is unlike any other text, so that finding one means that it leaked. */
export const SECRETS = {
  proxyToken: "canary-proxy-token-7d1f0c52",
  openaiKey: "canary-openai-key-90ab3e17",
  anthropicKey: "canary-anthropic-key-c4486d2b",
  managementToken: "canary-management-token-3b9e41d7",
  projectKey: "canary-project-key-8821cc0e",
  clientKey: "canary-client-key-55e9b0f3",
  prompt: "canary-prompt-1c77aa90",
} as const;

/** Fails when a text, in any common encoding, holds one of the secrets. */
export function assertNoSecrets(text: string, where: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    for (const form of [secret, btoa(secret), [...secret].reverse().join("")]) {
      assert(!text.includes(form), `${where} holds the secret ${name}`);
    }
  }
}
