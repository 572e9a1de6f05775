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

/** By the part of a response in which it stands. */
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

/** What a model reads, by the members of a request's body. Images and sound are not text. */
export const INPUT_SELECTION = {
  messages: { "*": MESSAGE },
  system: CONTENT,
  instructions: "length",
  tools: "length",
  input: { "": "length", "*": { "": "length", content: CONTENT, arguments: "length", output: "length" } },
  prompt: { "": "length", "*": "length" },
  contents: { "*": { parts: { "*": { text: "length", functionResponse: "length" } } } },
  systemInstruction: { parts: { "*": { text: "length" } } },
  query: "length",
  documents: "length",
} as const;
