/** The providers of LiteLLM whose APIs clients can use through the proxy, by the prefixes of models. */

import type { PresetName } from "../../config/values/presets.ts";

/** How llm-proxy reaches a provider of LiteLLM. */
export interface LitellmProvider {
  readonly preset: PresetName;
  /** The base URL. `undefined` for the base URL of the preset. */
  readonly baseUrl?: string;
  /**
   * The environment variable that LiteLLM reads if the file has no key. `undefined` if LiteLLM sends no key.
   */
  readonly variable?: string;
}

/**
 * The providers by the prefix of a model, such as `groq` in `groq/llama-3`. The addresses are from their
 * documentation.
 */
export const LITELLM_PROVIDERS: Readonly<Record<string, LitellmProvider>> = {
  openai: { preset: "openai", variable: "OPENAI_API_KEY" },
  "text-completion-openai": { preset: "openai", variable: "OPENAI_API_KEY" },
  custom_openai: { preset: "openai", variable: "OPENAI_API_KEY" },
  openai_like: { preset: "openai", variable: "OPENAI_API_KEY" },
  litellm_proxy: { preset: "openai", variable: "LITELLM_PROXY_API_KEY" },
  azure: { preset: "azure", variable: "AZURE_API_KEY" },
  anthropic: { preset: "anthropic", variable: "ANTHROPIC_API_KEY" },
  gemini: { preset: "gemini", variable: "GEMINI_API_KEY" },
  groq: { preset: "groq", variable: "GROQ_API_KEY" },
  mistral: { preset: "mistral", variable: "MISTRAL_API_KEY" },
  deepseek: { preset: "deepseek", variable: "DEEPSEEK_API_KEY" },
  xai: { preset: "xai", variable: "XAI_API_KEY" },
  openrouter: { preset: "openrouter", variable: "OPENROUTER_API_KEY" },
  ollama: { preset: "ollama" },
  ollama_chat: { preset: "ollama" },
  vllm: { preset: "vllm" },
  hosted_vllm: { preset: "vllm" },
  lm_studio: { preset: "lmstudio" },
  llamafile: { preset: "llamacpp" },
  together_ai: { preset: "openai", baseUrl: "https://api.together.xyz/v1", variable: "TOGETHERAI_API_KEY" },
  fireworks_ai: {
    preset: "openai",
    baseUrl: "https://api.fireworks.ai/inference/v1",
    variable: "FIREWORKS_AI_API_KEY",
  },
  perplexity: { preset: "openai", baseUrl: "https://api.perplexity.ai", variable: "PERPLEXITYAI_API_KEY" },
  deepinfra: {
    preset: "openai",
    baseUrl: "https://api.deepinfra.com/v1/openai",
    variable: "DEEPINFRA_API_KEY",
  },
  cerebras: { preset: "openai", baseUrl: "https://api.cerebras.ai/v1", variable: "CEREBRAS_API_KEY" },
  nvidia_nim: {
    preset: "openai",
    baseUrl: "https://integrate.api.nvidia.com/v1",
    variable: "NVIDIA_NIM_API_KEY",
  },
  sambanova: { preset: "openai", baseUrl: "https://api.sambanova.ai/v1", variable: "SAMBANOVA_API_KEY" },
};

/**
 * Prefixes of providers that sign requests, or to whose API LiteLLM translates the requests of its clients.
 */
export const TRANSLATED_PROVIDERS: readonly string[] = [
  "azure_ai",
  "bedrock",
  "cloudflare",
  "cohere",
  "cohere_chat",
  "databricks",
  "huggingface",
  "oci",
  "palm",
  "predibase",
  "replicate",
  "sagemaker",
  "sagemaker_chat",
  "vertex_ai",
  "vertex_ai_beta",
  "voyage",
  "watsonx",
];

/** Patterns for names of models without a prefix, and the providers of these models. */
export const KNOWN_MODELS: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-|chatgpt-|o\d|text-embedding-|dall-e|whisper|tts-|omni-)/, "openai"],
  [/^claude/, "anthropic"],
];
