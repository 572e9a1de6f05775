/** Selects the text that a model reads and generates, in all dialects. It is only measured. */

const TOOL_CALLS = { "*": { function: { name: "length", arguments: "length" } } } as const;
/** Content: a string, or a list of parts with strings. */
const CONTENT = {
  "": "length",
  text: "length",
  "*": {
    text: "length",
    thinking: "length",
    input: "length",
    // Bedrock's.
    toolUse: { input: "length" },
    toolResult: { content: "length" },
    reasoningContent: { reasoningText: { text: "length" } },
  },
} as const;
/** Of chat completions, of Ollama and of Cohere. */
const MESSAGE = {
  content: CONTENT,
  reasoning_content: "length",
  reasoning: "length",
  thinking: "length",
  refusal: "length",
  tool_calls: TOOL_CALLS,
  // The sound of OpenAI, and the images of OpenRouter.
  audio: { id: true },
  images: { "*": { type: true } },
} as const;

/** What a model generates, by the members of a response. */
export const TEXT_SELECTION = {
  choice: { text: "length", message: MESSAGE, delta: MESSAGE },
  message: MESSAGE,
  /** Anthropic's, llama.cpp's. */
  content: CONTENT,
  /** Of OpenAI's responses a text, of Anthropic's and Cohere's events an object. */
  delta: {
    "": "length",
    text: "length",
    thinking: "length",
    partial_json: "length",
    message: MESSAGE,
    // Bedrock's.
    toolUse: { input: "length" },
    reasoningContent: { text: "length" },
  },
  /** Of OpenAI's responses. */
  output: { content: { "*": { text: "length" } }, summary: { "*": { text: "length" } }, arguments: "length" },
  /** Gemini's. */
  candidate: {
    content: { parts: { "*": { text: "length", functionCall: "length", inlineData: { mimeType: true } } } },
  },
} as const;

/** The source of an image or a document: Anthropic's, and Bedrock's with `bytes`. */
const SOURCE = { type: true, media_type: true, data: "media", bytes: "media" } as const;
const IMAGE = { source: SOURCE } as const;
/** A file of Bedrock whose tokens do not follow from its size: its format says so. */
const FILE = { format: true, source: SOURCE } as const;
/** Members of a part of content that hold media, in all dialects. Sound and documents state a format. */
const MEDIA = {
  image_url: { "": "media", url: "media" },
  input_audio: { data: "media" },
  file: { file_data: "media" },
  file_data: "media",
  source: { ...SOURCE, content: { "*": IMAGE } },
  image: IMAGE,
  document: FILE,
  video: FILE,
  audio: FILE,
} as const;
const PART = { ...CONTENT["*"], ...MEDIA } as const;
/** Content of a request. The result of a tool is content too. */
const INPUT_CONTENT = {
  "": "length",
  text: "length",
  "*": {
    ...PART,
    content: { "": "length", "*": PART },
    toolResult: { content: { "*": PART } },
  },
} as const;
const INLINE = { mimeType: true, mime_type: true, data: "media" } as const;
/** A part of Gemini's. */
const GEMINI_PART = {
  text: "length",
  functionResponse: "length",
  inlineData: INLINE,
  inline_data: INLINE,
} as const;

/**
 * What a model reads, by the members of a request's body. A number in the place of a text is the id of a
 * token.
 */
export const INPUT_SELECTION = {
  messages: { "*": { ...MESSAGE, content: INPUT_CONTENT, images: { "*": "media" } } },
  system: CONTENT,
  instructions: "length",
  tools: "length",
  input: {
    "": "length",
    "*": {
      "": "length",
      "*": "length",
      content: INPUT_CONTENT,
      arguments: "length",
      output: { "": "length", image_url: "media", "*": PART },
      result: "media",
    },
  },
  prompt: { "": "length", "*": { "": "length", "*": "length" } },
  contents: { "*": { parts: { "*": GEMINI_PART } } },
  systemInstruction: { parts: { "*": GEMINI_PART } },
  query: "length",
  documents: "length",
} as const;
