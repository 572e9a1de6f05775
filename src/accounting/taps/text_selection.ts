/** Selects the text that a model reads and generates, in all dialects. The proxy only measures this text. */

const TOOL_CALLS = { "*": { function: { name: "length", arguments: "length" } } } as const;
/** Content: a string, or a list of parts with strings. */
const CONTENT = {
  "": "length",
  text: "length",
  "*": {
    text: "length",
    thinking: "length",
    input: "length",
    // Bedrock's calls of tools.
    toolUse: { input: "length" },
    toolResult: { content: "length" },
    reasoningContent: { reasoningText: { text: "length" } },
  },
} as const;
/** A message of chat completions, of Ollama and of Cohere. */
const MESSAGE = {
  content: CONTENT,
  reasoning_content: "length",
  reasoning: "length",
  thinking: "length",
  refusal: "length",
  tool_calls: TOOL_CALLS,
  // The sound of OpenAI's messages, and the images of OpenRouter's.
  audio: { id: true },
  images: { "*": { type: true } },
} as const;

/** The text that a model generates, by the members of a response. */
export const TEXT_SELECTION = {
  choice: { text: "length", message: MESSAGE, delta: MESSAGE },
  message: MESSAGE,
  /** The content of Anthropic's and llama.cpp's responses. */
  content: CONTENT,
  /** A text in OpenAI's responses, and an object in Anthropic's and Cohere's events. */
  delta: {
    "": "length",
    text: "length",
    thinking: "length",
    partial_json: "length",
    message: MESSAGE,
    // Bedrock's calls of tools.
    toolUse: { input: "length" },
    reasoningContent: { text: "length" },
  },
  /** The items of OpenAI's responses. */
  output: { content: { "*": { text: "length" } }, summary: { "*": { text: "length" } }, arguments: "length" },
  /** A candidate of Gemini's responses. */
  candidate: {
    content: { parts: { "*": { text: "length", functionCall: "length", inlineData: { mimeType: true } } } },
  },
} as const;

/** The source of an image or a document at Anthropic. Bedrock's source has `bytes`. */
const SOURCE = { type: true, media_type: true, data: "media", bytes: "media" } as const;
const IMAGE = { source: SOURCE } as const;
/** A file of Bedrock. Its tokens do not follow from its size, so its format is read. */
const FILE = { format: true, source: SOURCE } as const;
/** Members of a part of content that hold media, in all dialects. Sound and documents also state a format. */
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
/** The content of a request. The result of a tool is content too. */
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
/** A part of the content in Gemini's requests. */
const GEMINI_PART = {
  text: "length",
  functionResponse: "length",
  inlineData: INLINE,
  inline_data: INLINE,
} as const;

/**
 * The text that a model reads, by the members of a request's body. A number at the place of a text is the id
 * of a token.
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
