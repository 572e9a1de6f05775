/** What each path of the published APIs is for, by the API references of the providers. */

import type { Operation } from "../../src/apis/operations.ts";

/** Requests by their operation. */
export type Published = Partial<Readonly<Record<Operation, readonly string[]>>>;

/** The paths of OpenAI that are not in {@link OPENAI_FOLDERS}. */
export const OPENAI: Published = {
  chat_completions: ["POST /chat/completions"],
  stored_completions: [
    "GET /chat/completions",
    "GET /chat/completions/{id}",
    "POST /chat/completions/{id}",
    "DELETE /chat/completions/{id}",
    "GET /chat/completions/{id}/messages",
  ],
  completions: ["POST /completions"],
  responses: ["POST /responses"],
  responses_compact: ["POST /responses/compact"],
  response_input_tokens: ["POST /responses/input_tokens"],
  response: ["GET /responses/{id}", "DELETE /responses/{id}"],
  response_cancel: ["POST /responses/{id}/cancel"],
  embeddings: ["POST /embeddings"],
  moderations: ["POST /moderations"],
  images: ["POST /images/generations", "POST /images/edits"],
  other_images: ["POST /images/variations"],
  audio_speech: ["POST /audio/speech"],
  audio_transcriptions: ["POST /audio/transcriptions"],
  audio_translations: ["POST /audio/translations"],
  other_inference: ["POST /decisions"],
  models: ["GET /models", "GET /models/{id}", "DELETE /models/{id}"],
  files: ["POST /files", "GET /files"],
  file: ["GET /files/{id}", "DELETE /files/{id}"],
  file_content: [
    "GET /files/{id}/content",
    "GET /containers/{id}/files/{id}/content",
    "GET /vector_stores/{id}/files/{id}/content",
  ],
  nested_files: [
    "POST /agents/environments/{id}/files",
    "GET /agents/environments/{id}/files",
    "POST /containers/{id}/files",
    "GET /containers/{id}/files",
    "GET /vector_stores/{id}/file_batches/{id}/files",
    "POST /vector_stores/{id}/files",
    "GET /vector_stores/{id}/files",
  ],
  uploads: ["POST /uploads"],
  upload_parts: ["POST /uploads/{id}/parts"],
  upload: ["POST /uploads/{id}/cancel", "POST /uploads/{id}/complete"],
  batches: ["POST /batches", "GET /batches"],
  batch: ["GET /batches/{id}"],
  batch_cancel: ["POST /batches/{id}/cancel"],
  fine_tuning_cancel: ["POST /fine_tuning/jobs/{id}/cancel"],
  conversations: [
    "POST /conversations",
    "GET /conversations/{id}",
    "POST /conversations/{id}",
    "DELETE /conversations/{id}",
    "POST /conversations/{id}/items",
    "GET /conversations/{id}/items",
  ],
  thread_messages: ["POST /threads/{id}/messages", "GET /threads/{id}/messages"],
  thread_runs: ["POST /threads/runs", "POST /threads/{id}/runs", "GET /threads/{id}/runs"],
  thread_run: [
    "GET /threads/{id}/runs/{id}",
    "POST /threads/{id}/runs/{id}",
    "POST /threads/{id}/runs/{id}/submit_tool_outputs",
  ],
  thread_run_cancel: ["POST /threads/{id}/runs/{id}/cancel"],
  other_cancel: ["POST /evals/{id}/runs/{id}/cancel"],
};

/** Folders of OpenAI whose paths have one operation, except those of {@link OPENAI}. */
export const OPENAI_FOLDERS: Readonly<Record<string, Operation>> = {
  "/organization/": "organization",
  "/projects/": "organization",
  "/safety/": "organization",
  "/webhook_endpoints": "organization",
  "/webhook_event_types": "organization",
  "/fine_tuning/": "fine_tuning",
  "/realtime/": "realtime_sessions",
  "/live/": "realtime_sessions",
  "/videos": "videos",
  "/agents": "other_stored",
  "/assistants": "other_stored",
  "/audio/voice": "other_stored",
  "/chatkit/": "other_stored",
  "/containers": "other_stored",
  "/content_provenance_checks": "other_stored",
  "/conversations/": "other_stored",
  "/evals": "other_stored",
  "/responses/": "other_stored",
  "/skills": "other_stored",
  "/threads": "other_stored",
  "/vaults": "other_stored",
  "/vector_stores": "other_stored",
};

/** The paths of Anthropic that are not in {@link ANTHROPIC_FOLDERS}. */
export const ANTHROPIC: Published = {
  messages: ["POST /v1/messages"],
  count_tokens: ["POST /v1/messages/count_tokens"],
  batches: ["POST /v1/messages/batches", "GET /v1/messages/batches"],
  batch: ["GET /v1/messages/batches/{id}", "DELETE /v1/messages/batches/{id}"],
  batch_cancel: ["POST /v1/messages/batches/{id}/cancel"],
  files: ["POST /v1/files", "GET /v1/files"],
  file: ["GET /v1/files/{id}", "DELETE /v1/files/{id}"],
  file_content: ["GET /v1/files/{id}/content"],
  models: ["GET /v1/models", "GET /v1/models/{id}"],
};

/** Folders of Anthropic whose paths have one operation. */
export const ANTHROPIC_FOLDERS: Readonly<Record<string, Operation>> = {
  "/v1/organizations/": "organization",
  "/v1/tunnels": "organization",
  "/v1/agents": "other_stored",
  "/v1/deployment": "other_stored",
  "/v1/dreams": "other_stored",
  "/v1/environments": "other_stored",
  "/v1/memory_stores": "other_stored",
  "/v1/sessions": "other_stored",
  "/v1/skills": "other_stored",
  "/v1/user_profiles": "other_stored",
  "/v1/vaults": "other_stored",
};

/** Paths of other providers, by the sources of their SDKs and by their API references. */
export const OTHERS: Readonly<Record<string, Published>> = {
  // @google/genai 2.32.0
  "Gemini": {
    generate_content: ["POST /v1beta/models/gemini-2.5-pro:generateContent"],
    stream_generate_content: ["POST /v1beta/models/gemini-2.5-pro:streamGenerateContent"],
    embed_content: [
      "POST /v1beta/models/gemini-embedding-001:embedContent",
      "POST /v1beta/models/gemini-embedding-001:batchEmbedContents",
    ],
    google_count_tokens: ["POST /v1beta/models/gemini-2.5-pro:countTokens"],
    batch_generate_content: [
      "POST /v1beta/models/gemini-2.5-pro:batchGenerateContent",
      "POST /v1beta/models/gemini-embedding-001:asyncBatchEmbedContent",
    ],
    predict: ["POST /v1beta/models/imagen-4:predict", "POST /v1beta/models/veo-3:predictLongRunning"],
    interactions: ["POST /v1beta/interactions"],
    interaction: ["GET /v1beta/interactions/{id}", "POST /v1beta/interactions/{id}/cancel"],
    models: ["GET /v1beta/models", "GET /v1beta/models/gemini-2.5-pro"],
    files: ["POST /upload/v1beta/files", "GET /v1beta/files"],
    file: ["GET /v1beta/files/{id}", "DELETE /v1beta/files/{id}", "POST /v1beta/files:register"],
    file_content: ["GET /v1beta/files/{id}:download"],
    batches: ["GET /v1beta/batches"],
    batch: ["GET /v1beta/batches/{id}", "POST /v1beta/batches/{id}:cancel", "DELETE /v1beta/batches/{id}"],
    fine_tuning: ["GET /v1beta/tunedModels", "POST /v1beta/tunedModels"],
    realtime_sessions: ["POST /v1alpha/auth_tokens"],
    other_stored: [
      "POST /v1beta/cachedContents",
      "PATCH /v1beta/cachedContents/{id}",
      "POST /v1beta/fileSearchStores",
      "POST /v1beta/fileSearchStores/{id}:importFile",
      "POST /upload/v1beta/fileSearchStores/{id}:uploadToFileSearchStore",
      "GET /v1beta/fileSearchStores/{id}/documents",
    ],
  },
  "Vertex AI": {
    generate_content: [
      "POST /v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent",
    ],
    google_count_tokens: [
      "POST /v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:computeTokens",
    ],
    raw_predict: ["POST /v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5:rawPredict"],
    stream_raw_predict: [
      "POST /v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict",
    ],
    prediction_jobs: [
      "POST /v1/projects/p/locations/l/batchPredictionJobs",
      "GET /v1/projects/p/locations/l/batchPredictionJobs/{id}",
    ],
    fine_tuning: ["POST /v1/projects/p/locations/l/tuningJobs"],
  },
  // @mistralai/mistralai 2.7.0
  "Mistral": {
    chat_completions: ["POST /v1/chat/completions"],
    completions: ["POST /v1/fim/completions", "POST /v1/agents/completions"],
    embeddings: ["POST /v1/embeddings"],
    moderations: ["POST /v1/moderations", "POST /v1/chat/moderations"],
    other_inference: ["POST /v1/ocr", "POST /v1/classifications", "POST /v1/chat/classifications"],
    audio_speech: ["POST /v1/audio/speech"],
    audio_transcriptions: ["POST /v1/audio/transcriptions"],
    conversations: ["POST /v1/conversations", "POST /v1/conversations/{id}"],
    thread_messages: ["GET /v1/conversations/{id}/messages"],
    batch_jobs: ["POST /v1/batch/jobs", "GET /v1/batch/jobs"],
    batch: ["GET /v1/batch/jobs/{id}"],
    batch_cancel: ["POST /v1/batch/jobs/{id}/cancel"],
    files: ["POST /v1/files", "GET /v1/files"],
    file: ["GET /v1/files/{id}", "GET /v1/files/{id}/url"],
    file_content: ["GET /v1/files/{id}/content"],
    models: ["GET /v1/models", "GET /v1/models/{id}"],
    other_stored: [
      "POST /v1/agents",
      "GET /v1/agents/{id}/versions",
      "GET /v1/conversations/{id}/history",
      "POST /v1/conversations/{id}/restart",
      "POST /v1/libraries",
      "GET /v1/libraries/{id}/documents/{id}/status",
      "GET /v1/audio/voices/{id}/sample",
    ],
    fine_tuning: ["PATCH /v1/fine_tuning/models/{id}"],
    unknown: [
      "GET /v1/observability/datasets",
      "POST /v1/workflows/executions/{id}/signals",
      "GET /v1/users/me",
    ],
  },
  // groq-sdk 1.6.0
  "Groq": {
    chat_completions: ["POST /openai/v1/chat/completions"],
    embeddings: ["POST /openai/v1/embeddings"],
    audio_speech: ["POST /openai/v1/audio/speech"],
    audio_transcriptions: ["POST /openai/v1/audio/transcriptions"],
    audio_translations: ["POST /openai/v1/audio/translations"],
    batches: ["POST /openai/v1/batches", "GET /openai/v1/batches"],
    files: ["POST /openai/v1/files", "GET /openai/v1/files"],
    models: ["GET /openai/v1/models"],
  },
  "Azure": {
    chat_completions: ["POST /openai/deployments/mine/chat/completions"],
    completions: ["POST /openai/deployments/mine/completions"],
    embeddings: ["POST /openai/deployments/mine/embeddings"],
    images: ["POST /openai/deployments/mine/images/generations"],
    audio_speech: ["POST /openai/deployments/mine/audio/speech"],
    audio_transcriptions: ["POST /openai/deployments/mine/audio/transcriptions"],
    audio_translations: ["POST /openai/deployments/mine/audio/translations"],
    responses: ["POST /openai/responses", "POST /openai/v1/responses"],
    response: ["GET /openai/responses/{id}"],
    realtime: ["GET /openai/realtime"],
    batches: ["POST /openai/batches"],
    files: ["POST /openai/files"],
    file_content: ["GET /openai/files/{id}/content"],
    fine_tuning: ["POST /openai/fine_tuning/jobs"],
    models: ["GET /openai/models"],
    other_stored: ["POST /openai/assistants", "POST /openai/threads"],
  },
  "Bedrock": {
    converse: [
      "POST /model/anthropic.claude-sonnet-4-5/converse",
      "POST /model/anthropic.claude-sonnet-4-5/converse-stream",
    ],
    invoke: [
      "POST /model/anthropic.claude-sonnet-4-5/invoke",
      "POST /model/anthropic.claude-sonnet-4-5/invoke-with-response-stream",
    ],
    models: ["GET /foundation-models", "GET /foundation-models/amazon.nova-pro-v1:0"],
  },
  // ollama 0.6.4, and its docs/api.md
  "Ollama": {
    ollama_chat: ["POST /api/chat"],
    ollama_generate: ["POST /api/generate"],
    embed: ["POST /api/embed"],
    embeddings: ["POST /api/embeddings"],
    ollama_show: ["POST /api/show"],
    ollama_models: [
      "POST /api/create",
      "POST /api/copy",
      "POST /api/pull",
      "POST /api/push",
      "DELETE /api/delete",
    ],
    models: ["GET /api/tags", "GET /api/ps", "GET /api/version"],
    server_management: ["HEAD /api/blobs/sha256:00", "POST /api/blobs/sha256:00"],
    chat_completions: ["POST /v1/chat/completions"],
    messages: ["POST /v1/messages"],
  },
  "llama.cpp": {
    llamacpp_completion: ["POST /completion", "POST /infill"],
    tokenize: ["POST /tokenize", "POST /detokenize"],
    rerank: ["POST /rerank", "POST /v1/rerank"],
    embeddings: ["POST /embeddings"],
    server_management: ["GET /slots", "POST /slots/0", "GET /props", "GET /metrics", "POST /lora-adapters"],
  },
  "vLLM and TEI": {
    other_inference: ["POST /score", "POST /pooling", "POST /classify"],
    other_embed: ["POST /embed"],
  },
  "Cohere": {
    cohere_chat: ["POST /v1/chat", "POST /v2/chat"],
    embed: ["POST /v2/embed"],
    rerank: ["POST /v2/rerank"],
    tokenize: ["POST /v1/tokenize"],
  },
  "OpenAI's realtime API": {
    realtime: ["GET /v1/realtime"],
  },
};
